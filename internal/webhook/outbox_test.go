package webhook

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

func always(status int) func(string, told) (int, string, string) {
	return func(string, told) (int, string, string) { return status, "", "" }
}

// TestSchedule: ten attempts as Standard Webhooks has them, under one id, then the delivery is given up and said so; after
// five days of failure the hook is disabled, with a notice. What waits then is sent when the person enables it (D-9, FLT-17).
func TestSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(always(503))
		h.notified("erp", "item.*")
		began := time.Now()
		record := h.open("+4512345678")
		h.note(record, "one")
		time.Sleep(76 * time.Hour)
		h.note(record, "two")
		time.Sleep(8 * time.Hour)
		got := h.all("erp")
		var first []told
		for _, n := range got {
			if n.ID == got[0].ID {
				first = append(first, n)
			}
		}
		wantSchedule(t, first, began)
		log := h.log("erp")
		if d := log[len(log)-1]; d.State != Failed || len(d.Attempts) != 10 || !strings.Contains(d.Note, "given up") || d.Attempts[9].Status != 503 {
			t.Errorf("%+v", d)
		}
		if d := log[0]; d.State != Waiting || d.Tries == 0 {
			t.Errorf("the next one has not had its turn: %+v", d)
		}
		time.Sleep(60 * time.Hour)
		hook := h.hook("erp")
		if days := hook.Health.DisabledAt.Sub(began).Hours() / 24; hook.Active() || days < 5 || days > 6.2 || hook.Waiting != 1 || !strings.Contains(hook.Health.Reason, "503") {
			t.Errorf("after %v days: %+v", days, hook.Health)
		}
		notices := 0
		for _, c := range h.store.log {
			if c.Kind == board.WebhookDisabled && c.App == "erp" && strings.Contains(c.Reason, "5 days") {
				notices++
			}
		}
		if notices != 1 {
			t.Errorf("%d notices", notices)
		}
		h.forget()
		h.note(record, "three")
		time.Sleep(48 * time.Hour)
		if got := h.all("erp"); len(got) != 0 {
			t.Errorf("a disabled one was called: %v", got)
		}
		h.set(always(200))
		if _, err := h.outbox.Change(context.Background(), "erp", func(s *Settings) { s.Enabled = true }); err != nil {
			t.Fatal(err)
		}
		h.calm()
		if got := h.all("erp"); len(got) != 2 {
			t.Errorf("what waited was not sent at once: %v", got)
		}
		if hook := h.hook("erp"); !hook.Active() || hook.Health.OKAt.IsZero() || !hook.Health.FailingSince.IsZero() {
			t.Errorf("%+v", hook.Health)
		}
	})
}

func wantSchedule(t *testing.T, attempts []told, began time.Time) {
	t.Helper()
	if len(attempts) != 10 {
		t.Fatalf("%d attempts", len(attempts))
	}
	last := began
	for i, n := range attempts {
		var want time.Duration
		if i > 0 {
			want = delays[i-1]
		}
		if after := n.At.Sub(last); after < want || after > want+want/10+time.Second {
			t.Errorf("attempt %d after %v, want %v and a little", i+1, after, want)
		}
		last = n.At
	}
}

// TestWaits: what a target asks for in Retry-After is honoured, within bounds, and never shortens the schedule.
func TestWaits(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"3600": time.Hour, "1": 5 * time.Second, "99999999": 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, 0)
			h.set(func(string, told) (int, string, string) { return 429, header, "" })
			h.notified("erp", "item.*")
			h.note(h.open("+4512345678"), "one")
			time.Sleep(25 * time.Hour)
			got := h.all("erp")
			if after := got[1].At.Sub(got[0].At); after < want || after > want+want/10+time.Second {
				t.Errorf("Retry-After: %s: the next attempt after %v", header, after)
			}
		})
	}
}

// TestNewest: a retry tells the newest state of the record; what only says to look again is told once, all else one by one
// and in order (D-9).
func TestNewest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.notified("erp")
		record := h.open("+4512345678")
		h.calm()
		h.forget()
		h.set(always(500))
		h.name(record, "A")
		h.calm()
		h.note(record, "one")
		h.name(record, "B")
		h.note(record, "two")
		h.name(record, "C")
		h.calm()
		h.set(always(200))
		time.Sleep(10 * time.Second)
		got := h.all("erp")
		if want := []string{"record.changed", "item.added", "item.added", "record.changed"}; !slices.Equal(kinds(got), want) {
			t.Fatalf("got %v, want %v", kinds(got), want)
		}
		for _, n := range got[1:] {
			if n.Name != "C" {
				t.Errorf("%s tells the name %q", n.Kind, n.Name)
			}
		}
		if n := got[3]; n.Folds != 2 || n.ID == got[0].ID {
			t.Errorf("%+v", n)
		}
		states := map[State]int{}
		for _, d := range h.log("erp") {
			states[d.State]++
		}
		if states[Superseded] != 2 || states[Waiting] != 0 {
			t.Errorf("the log has %v", states)
		}
	})
}

// TestNoEcho: an app is not told of what it wrote itself; what it answers is its own word.
func TestNoEcho(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(func(string, told) (int, string, string) { return 200, "", `{"name":"Ann"}` })
		h.notified("erp")
		h.notified("log", "record.changed")
		record := h.open("+4512345678")
		h.calm()
		if got := kinds(h.all("erp")); slices.Contains(got, "record.changed") && len(h.all("erp")) > 3 || !slices.Contains(got, "record.opened") {
			t.Errorf("erp was told %v", got)
		}
		if f := h.board.Get(record).Fields["party.name"]; f == nil || f.Of("erp") == nil || f.Of("erp").Value != "Ann" || f.Of("log") == nil {
			t.Errorf("%+v", f)
		}
		h.set(func(string, told) (int, string, string) { return 200, "", `{"name":` })
		h.note(record, "one")
		h.calm()
		if d := h.log("erp")[0]; d.State != Sent || !strings.Contains(d.Attempts[0].Problem, "not taken") {
			t.Errorf("a bad answer: %+v", d)
		}
	})
}

// TestOneDeadTarget: a target that hangs, and one that refuses, slow no other: that is told at once (FLT-17).
func TestOneDeadTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(func(host string, _ told) (int, string, string) {
			return map[string]int{"hangs": 0, "down": 503, "well": 200}[host], "", ""
		})
		for _, id := range []string{"hangs", "down", "well"} {
			h.notified(id, "item.*")
		}
		var records []string
		for i := range 20 {
			records = append(records, h.open(fmt.Sprintf("+45123456%02d", i)))
		}
		for i := range 400 {
			at := time.Now()
			h.note(records[i%20], fmt.Sprint(i))
			synctest.Wait()
			got := h.all("well")
			if len(got) != i+1 || got[i].At.Sub(at) != 0 {
				t.Fatalf("note %d: %d were told, the last after %v", i, len(got), got[len(got)-1].At.Sub(at))
			}
			time.Sleep(500 * time.Millisecond)
		}
		if n := len(h.all("hangs")); n == 0 || n > 400/2/15*atOnce+atOnce*2 {
			t.Errorf("the one that hangs was asked %d times", n)
		}
	})
}

// TestQueueIsBounded: beyond its bytes what waits is given up and said so; the target is told the newest state of every
// open record when it is there again (FLT-17).
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bytes = 20_000
		h := newHouse(t, bytes)
		h.set(always(503))
		h.notified("erp", "item.*")
		one, two := h.open("+4512345678"), h.open("+4512345679")
		for i := range 300 {
			h.note(one, fmt.Sprint(i))
			h.calm()
			waiting := 0
			for _, d := range h.store.some(func(d StoredDelivery) bool { return d.State == string(Waiting) }) {
				waiting += 256 + len(d.ID) + len(d.Kind) + len(d.Record)
			}
			if waiting > bytes+2000 {
				t.Fatalf("%d bytes wait", waiting)
			}
		}
		h.name(two, "Ann")
		h.set(always(200))
		h.forget()
		time.Sleep(10 * time.Minute)
		var added []string
		resets := 0
		for _, n := range h.all("erp") {
			switch n.Kind {
			case "reset":
				resets++
				if !strings.Contains(n.Reason, "queue was full") {
					t.Errorf("the reason is %q", n.Reason)
				}
			case "record.added":
				added = append(added, n.Record)
				if n.Record == two && n.Name != "Ann" {
					t.Errorf("not the newest state: %+v", n)
				}
			}
		}
		if resets == 0 || !slices.Contains(added, one) || !slices.Contains(added, two) {
			t.Errorf("%d resets, added %v", resets, added)
		}
		dropped := 0
		for _, d := range h.log("erp") {
			if d.State == Dropped && d.Note != "" {
				dropped++
			}
		}
		if dropped < 200 {
			t.Errorf("the log has %d that were given up", dropped)
		}
	})
}

// TestReset: where the log does not reach back, or another epoch has begun, the target is told so and the newest state of
// every open record.
func TestReset(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h *house){
		"another epoch": func(h *house) { h.board.NewEpoch("e2") },
		"a trimmed log": func(h *house) {
			stored := h.store.hooks["erp"]
			stored.Cursor.Seq = 0
			h.store.hooks["erp"] = stored
			h.board.Trimmed(1 << 40)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, 0)
				h.notified("erp")
				record := h.open("+4512345678")
				h.name(record, "Ann")
				h.calm()
				h.stop()
				h.forget()
				spoil(h)
				h.begin()
				time.Sleep(time.Minute)
				got := h.all("erp")
				if want := []string{"record.added", "reset"}; !slices.Equal(slices.Sorted(slices.Values(kinds(got))), want) {
					t.Fatalf("got %v, want %v", kinds(got), want)
				}
				for _, n := range got {
					if n.Kind == "record.added" && (n.Record != record || n.Name != "Ann") {
						t.Errorf("%+v", n)
					}
				}
				h.forget()
				h.note(record, "it goes on")
				h.calm()
				if got := kinds(h.all("erp")); !slices.Equal(got, []string{"item.added"}) {
					t.Errorf("then it was told %v", got)
				}
			})
		})
	}
}

// TestErased: what was erased is not delivered, though it waited; that it was erased is (SEC-45).
func TestErased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(always(503))
		h.notified("erp", "item.*")
		record := h.open("+4512345678")
		h.note(record, "secret")
		h.calm()
		match := board.Match{Numbers: []string{"+4512345678"}}
		erasure, err := h.board.Erase(match, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		h.calm()
		striker, err := h.board.Striker(match, erasure)
		if err != nil {
			t.Fatal(err)
		}
		h.store.mu.Lock()
		for i, c := range h.store.log {
			h.store.log[i], _ = striker.Change(c)
		}
		h.store.mu.Unlock()
		h.set(always(200))
		h.forget()
		time.Sleep(time.Minute)
		if got := kinds(h.all("erp")); !slices.Equal(got, []string{"record.erased"}) {
			t.Errorf("it was told %v", got)
		}
		if log := h.log("erp"); log[len(log)-1].State != Dropped {
			t.Errorf("%+v", log[len(log)-1])
		}
	})
}

// TestOrder is the property: whatever fails, hangs or is killed, each record's notifications come in order, each that matters
// by itself is taken at least once, every attempt of one has one id, and in the end the target has the newest state (D-9).
func TestOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) { playOrder(t, rand.New(rand.NewPCG(seed, 9))) })
	}
}

func playOrder(t *testing.T, random *rand.Rand) {
	h := newHouse(t, 0)
	var calm atomic.Bool
	lots := make(chan int)
	quit := make(chan struct{})
	defer close(quit)
	go func() { // a source of luck that several may ask
		for {
			select {
			case lots <- random.IntN(100):
			case <-quit:
				return
			}
		}
	}()
	h.set(func(string, told) (int, string, string) {
		lot := <-lots
		time.Sleep(time.Duration(lot) * 7 * time.Millisecond)
		switch {
		case calm.Load() || lot < 50:
			return 200, "", ""
		case lot < 90:
			return 500 + lot%4, "", ""
		}
		return 0, "", ""
	})
	h.notified("erp")
	var records []string
	for i := range 4 {
		records = append(records, h.open(fmt.Sprintf("+451234567%d", i)))
	}
	for i := range 60 {
		record := records[<-lots%4]
		switch lot := <-lots; {
		case lot < 40:
			h.note(record, fmt.Sprint(i))
		case lot < 80:
			h.name(record, fmt.Sprint(i))
		case lot < 90:
			time.Sleep(time.Duration(lot) * time.Second)
		case lot < 95: // ended and started anew
			h.stop()
			h.begin()
		default: // killed: what had not been kept by now is lost
			h.store.mu.Lock()
			h.store.cut = true
			h.store.mu.Unlock()
			time.Sleep(time.Duration(lot) * 10 * time.Millisecond)
			h.stop()
			h.store.cut = false
			h.begin()
		}
	}
	calm.Store(true)
	time.Sleep(80 * time.Hour)
	wantOrder(t, h)
	h.stop()
}

func wantOrder(t *testing.T, h *house) {
	t.Helper()
	newest, ids, taken := map[string]uint64{}, map[uint64]string{}, map[uint64]bool{}
	names := map[string]string{}
	for _, n := range h.all("erp") {
		if n.Kind == "reset" {
			t.Fatalf("it was reset: %s", n.Reason)
		}
		if !taken[n.Seq] && n.Seq < newest[n.Record] {
			t.Errorf("%s of seq %d comes after %d of its record", n.Kind, n.Seq, newest[n.Record])
		}
		if id := ids[n.Seq]; id != "" && id != n.ID {
			t.Errorf("seq %d has the ids %s and %s", n.Seq, id, n.ID)
		}
		ids[n.Seq] = n.ID
		if n.taken {
			newest[n.Record], taken[n.Seq] = max(newest[n.Record], n.Seq), true
			names[n.Record] = n.Name
		}
	}
	for _, c := range h.store.log {
		if !foldable[c.Kind] && c.Kind != board.AppRegistered && !taken[c.Seq] {
			t.Errorf("%s of seq %d was not taken", c.Kind, c.Seq)
		}
	}
	for id, name := range names {
		if id != "" && h.board.Get(id).Value("party.name") != name {
			t.Errorf("the target has the name %q of %s", name, id)
		}
	}
	for _, d := range h.log("erp") {
		if d.State == Waiting || d.State == Failed {
			t.Errorf("%+v", d)
		}
	}
}

// TestResend: a delivery that is done is sent once more under its id, with the newest state of its record.
func TestResend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.notified("erp", "item.*")
		record := h.open("+4512345678")
		h.note(record, "one")
		h.calm()
		h.name(record, "Ann")
		h.calm()
		first := h.log("erp")[0]
		if err := h.outbox.Resend(context.Background(), "erp", first.ID); err != nil {
			t.Fatal(err)
		}
		h.calm()
		got := h.all("erp")
		if len(got) != 2 || got[0].ID != got[1].ID || got[1].Name != "Ann" || got[1].Seq != got[0].Seq {
			t.Errorf("%+v", got)
		}
		if again := h.log("erp")[0]; again.State != Sent || len(again.Attempts) != 2 {
			t.Errorf("%+v", again)
		}
		for _, id := range []string{"none", first.ID} {
			if _, err := h.outbox.Change(context.Background(), "erp", func(s *Settings) { s.Enabled = false }); err != nil {
				t.Fatal(err)
			}
			if h.outbox.Resend(context.Background(), "erp", id) == nil {
				t.Errorf("%s was sent by a disabled hook", id)
			}
		}
	})
}

// TestChange: whoever changes a hook has mended something, so what waits is tried at once; a hook that was told nothing is
// told what comes from then on.
func TestChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 0)
		h.set(always(503))
		h.notified("erp", "item.*")
		h.add("crm", Settings{Work: &board.Registration{On: []board.Moment{board.Ended}}})
		record := h.open("+4512345678")
		h.note(record, "one")
		time.Sleep(10 * time.Hour)
		h.set(always(200))
		h.forget()
		if _, err := h.outbox.Change(context.Background(), "erp", func(s *Settings) { s.URL = "https://new/" }); err != nil {
			t.Fatal(err)
		}
		h.calm()
		if got := h.all("new"); len(got) != 1 {
			t.Errorf("at its new place it was told %v", got)
		}
		if _, err := h.outbox.Change(context.Background(), "erp", func(s *Settings) { s.URL = "https://127.0.0.1/" }); err == nil {
			t.Error("it is at this computer now")
		}
		if _, err := h.outbox.Change(context.Background(), "crm", func(s *Settings) { s.Notify = &board.Filter{Kinds: []string{"item.*"}} }); err != nil {
			t.Fatal(err)
		}
		h.note(record, "two")
		h.calm()
		if got := h.all("crm"); len(got) != 1 || len(h.all("new")) != 2 {
			t.Errorf("crm was told %v", got)
		}
		for _, call := range []func() error{
			func() error { _, err := h.outbox.Change(context.Background(), "none", func(*Settings) {}); return err },
			func() error { _, err := h.outbox.Rotate(context.Background(), "none", 0); return err },
			func() error { _, err := h.outbox.Log(context.Background(), "none", 0, 1); return err },
			func() error { _, err := h.outbox.Test(context.Background(), "none"); return err },
			func() error { return h.outbox.Resend(context.Background(), "none", "msg_1") },
		} {
			if call() == nil {
				t.Error("there is no such webhook, and no error")
			}
		}
	})
}
