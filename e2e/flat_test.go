package e2e

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// flatAccount is an ordinary user's account but for the states of devices: Asterisk folds changes that follow quickly, now
// so, now otherwise, whoever listens.
const flatAccount = `
[flat]
secret = lab-flat
read = call
write = call
eventfilter = !Event: DeviceStateChange
eventfilter = !Event: ExtensionStatus
`

// TestFlatForThePBX lets the kernel count, at Asterisk's end of the connection: one connection, and the same bytes both
// ways with 1 and with 100 apps.
func TestFlatForThePBX(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t, lab.Options{Append: map[string]string{"manager.conf": flatAccount}})
	outside, desk := l.OutsideT(t), l.PhoneT(t, "1001")
	cb := run(t, t.TempDir(), pbxConfig{address: l.AMIAddr(), user: "flat", secret: "lab-flat"})
	cb.waitConnected(t)
	oneCall := func() { steadyCall(t, cb, outside, desk) }
	connectApps(t, cb, 0, 1)
	oneCall() // what only happens once is not compared
	one := countWindow(t, l, oneCall)
	connectApps(t, cb, 1, 100)
	hundred := countWindow(t, l, oneCall)

	listed, err := l.CLI(t.Context(), "manager show connected")
	must(t, err)
	if n := strings.Count(listed, "flat"); n != 1 {
		t.Errorf("Asterisk lists %d manager connections, want 1:\n%s", n, listed)
	}
	for what, pair := range map[string][2]float64{"sent to us": {one.sent, hundred.sent}, "received from us": {one.received, hundred.received}} {
		ratio := pair[1] / pair[0]
		t.Logf("bytes %s: %.0f with 1 app, %.0f with 100, ratio %.3f", what, pair[0], pair[1], ratio)
		if math.Abs(ratio-1) >= 0.02 { // the PBX's ids grow by a digit with the tenth leg
			t.Errorf("bytes %s: ratio %.3f, want 1.00", what, ratio)
		}
	}
}

// steadyCall is a call whose steps are far enough apart that Asterisk tells each: what follows within a few milliseconds it
// folds together, now so, now otherwise. The audio that is heard, 20 ms a packet, is the clock.
func steadyCall(t *testing.T, cb *callboard, outside, desk *phone.Phone) {
	t.Helper()
	ctx := bounded(t)
	const beat = 20
	caller, call := talk(t, outside, desk)
	must(t, caller.WaitAudio(ctx, beat))
	must(t, call.Hold(ctx))
	must(t, caller.WaitAudio(ctx, beat)) // music
	must(t, call.Resume(ctx))
	must(t, caller.WaitAudio(ctx, 5*beat)) // until all was asked of the call that Callboard asks of one, five times a second
	must(t, caller.Hangup(ctx))
	cb.record(t, "ended", callEnded)
}

// connectApps lets apps in, from number first up to number all, each on a stream of its own, and waits until they work.
func connectApps(t *testing.T, cb *callboard, first, all int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	for i := first; i < all; i++ {
		id := fmt.Sprintf("app-%03d", i)
		made, err := cb.client.CreateApp(ctx, id, "")
		must(t, err)
		c, err := client.Connect(ctx, client.Options{URL: cb.url, Token: made.Token})
		must(t, err)
		c.Enrich(client.Enrichment{Needs: []string{"party.number"}, Gives: []string{"x." + id + ".seen"}}, func(context.Context, *client.Record, client.Work) (client.Answer, error) {
			return client.Answer{Claims: client.Claims{"x." + id + ".seen": "yes"}}, nil
		})
		running.Go(func() { c.Run(ctx) })
		t.Cleanup(c.Close)
	}
	eventually(t, fmt.Sprintf("%d apps work", all), func() bool {
		apps, err := cb.client.Apps(ctx)
		must(t, err)
		n := 0
		for _, a := range apps {
			if a.Connected {
				n++
			}
		}
		return n == all
	})
}

type counted struct{ sent, received float64 }

// countWindow counts what passes while something is done, and what a call makes us ask for. Our pings, one every five seconds
// by the same clock, are taken off: all are as long as the first.
func countWindow(t *testing.T, l *lab.Lab, do func()) counted {
	t.Helper()
	quiet := func() counted {
		now, still := count(t, l), 0
		eventually(t, "quiet", func() bool { // twelve looks, 25 ms apart: what we ask for comes every 200 ms
			before := now
			if now = count(t, l); now == before {
				still++
			} else {
				still = 0
			}
			return still == 12
		})
		return now
	}
	nextPing := func() (before, after counted, at time.Time) {
		before = quiet()
		eventually(t, "a ping", func() bool { return count(t, l).received > before.received })
		at = time.Now()
		return before, quiet(), at
	}
	before, begin, from := nextPing()
	do()
	_, end, to := nextPing()
	pings := math.Round(to.Sub(from).Seconds() / 5)
	return counted{
		sent:     end.sent - begin.sent - pings*(begin.sent-before.sent),
		received: end.received - begin.received - pings*(begin.received-before.received),
	}
}

var sentBytes, receivedBytes = regexp.MustCompile(`bytes_acked:(\d+)`), regexp.MustCompile(`bytes_received:(\d+)`)

// count reads the kernel's counters of Asterisk's socket (tcp_info).
func count(t *testing.T, l *lab.Lab) counted {
	t.Helper()
	out, err := exec.Command("ss", "-tinH", "state", "established", "src", l.AMIAddr()).Output()
	must(t, err)
	if n := strings.Count(string(out), "bytes_received"); n != 1 {
		t.Fatalf("%d connections to the manager, want 1:\n%s", n, out)
	}
	number := func(re *regexp.Regexp) float64 {
		found := re.FindStringSubmatch(string(out))
		if found == nil {
			t.Fatalf("no %s in %s", re, out)
		}
		n, err := strconv.ParseFloat(found[1], 64)
		must(t, err)
		return n
	}
	return counted{sent: number(sentBytes), received: number(receivedBytes)}
}
