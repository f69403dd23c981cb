//go:build load

package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

var (
	loadCalls = flag.Int("calls", 500, "how many calls the load makes")
	loadRate  = flag.Float64("rate", 5, "calls begun a second")
)

// fate is what becomes of one call of the load; the phones carry it out, and the record must say the same.
type fate struct {
	name string
	// desk is what the phone does that is called first; outside what the caller does meanwhile.
	desk    func(ctx context.Context, c *phone.Call, next string) error
	outside func(ctx context.Context, c *phone.Call) error
	result  string // "result ended_by" of the first desk's part
	second  string // the same of the desk that the call was given to
}

const packets = 50 // of audio: a second

var fates = []fate{
	{"the caller hangs up", answer, hangUpLater, "answered other", ""},
	{"the desk hangs up", func(ctx context.Context, c *phone.Call, _ string) error {
		return first(answer(ctx, c, ""), func() error { return c.WaitAudio(ctx, packets) }, func() error { return c.Hangup(ctx) })
	}, stay, "answered self", ""},
	{"busy", func(ctx context.Context, c *phone.Call, _ string) error { return c.Reject(ctx, 486) }, stay, "busy self", ""},
	{"rejected", func(ctx context.Context, c *phone.Call, _ string) error {
		return first(c.Ring(ctx), func() error { return c.Reject(ctx, 603) })
	}, stay, "rejected self", ""},
	{"given up", func(ctx context.Context, c *phone.Call, _ string) error { return c.Ring(ctx) },
		func(ctx context.Context, c *phone.Call) error {
			return first(c.WaitRinging(ctx), func() error { return c.Cancel(ctx) })
		}, "cancelled other", ""},
	{"held for a while", func(ctx context.Context, c *phone.Call, _ string) error {
		return first(answer(ctx, c, ""), func() error { return c.WaitAudio(ctx, packets) }, func() error { return c.Hold(ctx) },
			func() error { return c.Resume(ctx) }, func() error { return c.WaitAudio(ctx, packets) }, func() error { return c.Hangup(ctx) })
	}, stay, "answered self", ""},
	{"given to a colleague", func(ctx context.Context, c *phone.Call, next string) error {
		return first(answer(ctx, c, ""), func() error { return c.WaitAudio(ctx, packets) }, func() error { return c.BlindTransfer(ctx, next) })
	}, stay, "answered self", "answered self"},
}

func first(err error, steps ...func() error) error {
	for _, step := range steps {
		if err != nil {
			return err
		}
		err = step()
	}
	return err
}

func answer(ctx context.Context, c *phone.Call, _ string) error {
	return first(c.Ring(ctx), func() error { return c.Answer(ctx) })
}

func stay(ctx context.Context, c *phone.Call) error { return nil }

func hangUpLater(ctx context.Context, c *phone.Call) error {
	return first(c.WaitAnswered(ctx), func() error { return c.WaitAudio(ctx, packets) }, func() error { return c.Hangup(ctx) })
}

// planned is one call: its caller's number names it.
type planned struct {
	fate         *fate
	number, desk string
	next         string // who gets it if it is given on
}

// TestLoad makes many real calls at once, each with an outcome of its own, and compares every record with what the phones
// did. Memory is flat: what the last half takes, the first half took.
func TestLoad(t *testing.T) {
	l := lab.StartT(t)
	desks := []string{"1001", "1002", "1003", "1004", "1005"}
	var extensions []string
	for _, d := range desks {
		extensions = append(extensions, fmt.Sprintf("{number: %q}", d))
	}
	cb := runWith(t, t.TempDir(), restricted(l), "["+strings.Join(extensions, ", ")+"]")
	cb.waitConnected(t)
	counts := countChanges(cb.client)
	var follow sync.WaitGroup
	followed, unfollow := context.WithCancel(t.Context())
	follow.Go(func() { cb.client.Run(followed) })
	defer follow.Wait()
	defer unfollow()
	plan := map[string]planned{}
	for i := range *loadCalls {
		at := rand.IntN(len(desks))
		p := planned{&fates[i%len(fates)], fmt.Sprintf("2025%06d", 550000+i), desks[at], desks[(at+1)%len(desks)]}
		plan[p.number] = p
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(float64(*loadCalls) / *loadRate * float64(time.Second))+2*time.Minute)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	for _, number := range desks {
		desk := l.PhoneT(t, number)
		work.Go(func() { serve(ctx, t, desk, number, plan, &work) })
	}
	outside := l.OutsideT(t)
	tick := time.NewTicker(time.Duration(float64(time.Second) / *loadRate))
	defer tick.Stop()
	var callers sync.WaitGroup
	for i := range *loadCalls {
		p := plan[fmt.Sprintf("2025%06d", 550000+i)]
		callers.Go(func() { place(ctx, t, outside, p) })
		if i == *loadCalls/2 {
			t.Logf("half way: %s", resident(t, cb))
		}
		<-tick.C
	}
	callers.Wait()
	defer func() {
		if t.Failed() {
			t.Logf("%d created, %d ended", counts.of("call.created"), counts.of("call.ended"))
		}
	}()
	eventually(t, "all calls have ended", func() bool { return counts.of("call.ended") >= *loadCalls })
	t.Logf("all over: %s", resident(t, cb))
	records, err := cb.client.Records(ctx, "")
	must(t, err)
	if len(records) != *loadCalls || counts.of("call.created") != *loadCalls || counts.of("call.ended") != *loadCalls {
		t.Errorf("%d records, %d created, %d ended; want %d", len(records), counts.of("call.created"), counts.of("call.ended"), *loadCalls)
	}
	right := 0
	for _, r := range records {
		if wrong := compareFate(plan, r); wrong != "" {
			t.Error(wrong)
		} else {
			right++
		}
	}
	t.Logf("%d of %d calls told right", right, *loadCalls)
}

// serve is a desk: it does with every call what was planned for its caller.
func serve(ctx context.Context, t *testing.T, desk *phone.Phone, number string, plan map[string]planned, work *sync.WaitGroup) {
	for {
		c, err := desk.Incoming(ctx)
		if err != nil {
			return
		}
		work.Go(func() {
			p := plan[c.Remote().Number]
			act := answerAndHangUp
			if p.desk == number {
				act = p.fate.desk
			}
			if err := act(ctx, c, p.next); err != nil && ctx.Err() == nil {
				t.Errorf("%s at %s, %s: %v", p.number, number, p.fate.name, err)
			}
		})
	}
}

func answerAndHangUp(ctx context.Context, c *phone.Call, _ string) error {
	return first(answer(ctx, c, ""), func() error { return c.WaitAudio(ctx, packets) }, func() error { return c.Hangup(ctx) })
}

func place(ctx context.Context, t *testing.T, outside *phone.Phone, p planned) {
	c, err := outside.Call(ctx, "555030"+p.desk[3:], phone.CallOptions{From: p.number, Name: "Load " + p.number[6:]})
	if err == nil {
		err = p.fate.outside(ctx, c)
	}
	if err == nil {
		_, err = c.WaitEnded(ctx)
	}
	if err != nil {
		t.Errorf("%s from outside, %s: %v", p.number, p.fate.name, err)
	}
}

func compareFate(plan map[string]planned, r *client.Record) string {
	number := ""
	if len(r.Call.Views) > 0 {
		number = r.Call.Views[0].Party.Number
	}
	p, known := plan[number]
	if !known {
		return fmt.Sprintf("a record of nobody: %+v", r.Call)
	}
	want := map[string]string{p.desk: p.fate.result}
	if p.fate.second != "" {
		want[p.next] = p.fate.second
	}
	if len(r.Call.Views) != len(want) || !r.Call.Complete || r.Call.State != api.CallStateEnded {
		return fmt.Sprintf("%s, %s: %d views, complete %v, %s", number, p.fate.name, len(r.Call.Views), r.Call.Complete, r.Call.State)
	}
	for _, v := range r.Call.Views {
		if got := string(v.Result) + " " + string(v.EndedBy); got != want[v.Extension] || v.Direction != "inbound" || v.Party.Number != number {
			return fmt.Sprintf("%s, %s: %s sees %s %s with %s, want %s", number, p.fate.name, v.Extension, v.Direction, got, v.Party.Number, want[v.Extension])
		}
	}
	return ""
}

// counts are how often each notification came.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func countChanges(c *client.Client) *counts {
	k := &counts{n: map[string]int{}}
	for _, kind := range []string{"call.created", "call.ended"} {
		c.On(kind, func(context.Context, *client.Record, client.Notification) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.n[kind]++
		})
	}
	return k
}

func (k *counts) of(kind string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.n[kind]
}

// resident is the program's memory and goroutine-free truth of it: what the kernel says.
func resident(t *testing.T, cb *callboard) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cb.cmd.Process.Pid))
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS:") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	return "no VmRSS"
}
