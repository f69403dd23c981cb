package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker/trackertest"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/office"
)

var which = flag.String("flows", "usual", "what TestTruth plays: usual, all, or numbers separated by commas")

// usual are the flows in which most can go wrong, each with another reason why; all of them take minutes.
const usual = "40,42,44,47,49,50,51,54,55,56,58,61,62,63,65,68,70,73,77,80,82,86,88,96,97,107,110,112,114,116,119,122,130,133"

// labs play beside each other: they wait for their phones more than they compute.
const labs = 5

// TestTruth plays office flows on real phones and a real Asterisk while Callboard listens, with as little an account as an end
// user's line needs, and holds what it concludes against the phones' own log, by the comparison that recorded calls are held to.
func TestTruth(t *testing.T) {
	t.Parallel()
	flows := make(chan office.Flow, len(office.Flows))
	for _, f := range office.Flows {
		number, _, _ := strings.Cut(f.Name, "-")
		if *which == "all" || slices.Contains(strings.Split(strings.Replace(*which, "usual", usual, 1), ","), number) {
			flows <- f
		}
	}
	if len(flows) == 0 {
		t.Fatalf("-flows %q names none", *which)
	}
	close(flows)
	var wg sync.WaitGroup
	for range min(labs, len(flows)) {
		l := lab.StartT(t, office.Options())
		wg.Go(func() {
			heard := listen(t, l)
			for f := range flows {
				t.Run(f.Name, func(t *testing.T) { heard.play(t, l, f) })
			}
		})
	}
	wg.Wait()
}

// listener is Callboard at a lab, for all desks.
type listener struct {
	*cut
	*callboard
	connections int // that there should have been
}

func listen(t *testing.T, l *lab.Lab) *listener {
	t.Helper()
	h := &listener{cut: cutBefore(t, l.AMIAddr()), connections: 1}
	var desks []string
	for _, d := range lab.Desks {
		desks = append(desks, fmt.Sprintf("{number: %q}", d.Number))
	}
	pbx := restricted(l)
	pbx.address = h.addr
	h.callboard = runWith(t, t.TempDir(), pbx, "["+strings.Join(desks, ", ")+"]")
	h.waitConnected(t)
	return h
}

// Reconnect lets the link be there again, and waits until it is.
func (h *listener) Reconnect(ctx context.Context) error {
	h.set(true)
	h.connections++
	for {
		h.mu.Lock()
		there, news := 0, h.news
		for _, line := range h.lines {
			if strings.HasPrefix(line, "Connected to ") {
				there++
			}
		}
		h.mu.Unlock()
		if there >= h.connections {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the link: %w", context.Cause(ctx))
		}
	}
}

func (h *listener) play(t *testing.T, l *lab.Lab, f office.Flow) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := office.Open(ctx, l, f.Desks)
	must(t, err)
	defer o.Close()
	old := map[string]bool{} // records of earlier flows
	truth, err := o.Play(ctx, f, func() (office.Ear, time.Time, error) {
		for _, r := range h.ended(t) {
			old[r.ID] = true
		}
		return h, time.Now(), nil
	})
	must(t, err)
	var text bytes.Buffer
	must(t, truth.Write(&text, ""))
	want, err := trackertest.Read(text.Bytes())
	must(t, err)
	want.Asked, want.Slack = true, 1
	for _, wrong := range h.differences(t, want, old) {
		t.Error(wrong)
	}
	if t.Failed() {
		t.Logf("%s\n%s", text.String(), o.Log())
	}
}

// differences are what is wrong when all is said: what was asked of the PBX may be answered after the call has ended, and
// a call of a few ms may be over before its record is to be seen.
func (h *listener) differences(t *testing.T, want trackertest.Truth, old map[string]bool) []string {
	limit := time.After(3 * time.Second)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		records := slices.DeleteFunc(h.ended(t), func(r *client.Record) bool { return old[r.ID] })
		wrong := want.Differences(concluded(t, records))
		if wrong == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-limit:
			return wrong
		}
	}
}

// ended waits until no call is live, and returns all records.
func (h *listener) ended(t *testing.T) []*client.Record {
	var records []*client.Record
	eventually(t, "no call is live", func() bool {
		var err error
		records, err = h.client.Records(t.Context(), "")
		return err == nil && !slices.ContainsFunc(records, func(r *client.Record) bool { return !callEnded(r) })
	})
	return records
}

// concluded are the calls of an extension in the order they began, in the words of the tracker: the API's are the same.
func concluded(t *testing.T, records []*client.Record) func(extension string) []trackertest.Concluded {
	return func(extension string) []trackertest.Concluded {
		var all []trackertest.Concluded
		for _, r := range records {
			for _, v := range r.Call.Views {
				if v.Extension != extension {
					continue
				}
				text, err := json.Marshal(v)
				must(t, err)
				var c trackertest.Concluded
				must(t, json.Unmarshal(text, &c.View))
				if c.AtFirst = c.First; c.First == (telephony.Party{}) {
					c.AtFirst = c.Party
				}
				all = append(all, c)
			}
		}
		slices.SortStableFunc(all, func(a, b trackertest.Concluded) int { return a.StartedAt.Compare(b.StartedAt) })
		return all
	}
}

// cut is a wire to a server that can be cut, and is then refused until it is whole again.
type cut struct {
	addr string
	door net.Listener

	knife sync.Mutex // guards what follows
	whole bool
	ends  []net.Conn
}

func cutBefore(t *testing.T, server string) *cut {
	t.Helper()
	door, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	c := &cut{addr: door.Addr().String(), door: door, whole: true}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := door.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { c.serve(client, server) })
		}
	})
	t.Cleanup(func() {
		door.Close()
		c.set(false)
		wg.Wait()
	})
	return c
}

func (c *cut) serve(client net.Conn, server string) {
	defer client.Close()
	upstream, err := new(net.Dialer).DialContext(context.Background(), "tcp", server)
	if err != nil {
		return // the PBX is down: the client sees its connection end
	}
	defer upstream.Close()
	c.knife.Lock()
	whole := c.whole
	c.ends = append(c.ends, client, upstream)
	c.knife.Unlock()
	if !whole {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(upstream, client)
	}()
	pass(client, upstream)
	<-done
}

// pass copies until either end is closed, then closes the other.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil && !errors.Is(err, net.ErrClosed) {
		_ = from.Close() // a reset; nothing more comes
	}
	_ = to.Close()
}

func (c *cut) set(whole bool) {
	c.knife.Lock()
	defer c.knife.Unlock()
	c.whole = whole
	if !whole {
		for _, end := range c.ends {
			end.Close()
		}
		c.ends = nil
	}
}

// Drop cuts the wire.
func (c *cut) Drop() { c.set(false) }
