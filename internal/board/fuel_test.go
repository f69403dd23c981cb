package board_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// tries claims a value and returns why it was refused.
func (s *stage) tries(record, source, field, value string) error {
	_, err := s.Claim(record, source, []board.NewClaim{{Field: field, Value: value}}, s.now)
	s.show()
	return err
}

// kinds counts the changes of a kind.
func (s *stage) kinds(kind string) []*board.Change {
	var found []*board.Change
	for _, c := range s.log {
		if c.Kind == kind {
			found = append(found, c)
		}
	}
	return found
}

// B-15: two apps that set each other off run out of fuel, are told what clears it, and go on in the next wave.
func TestPingPongEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ping, pong := s.register("ping", "x.pong.n"), s.register("pong", "x.ping.n", "party.number")
	r := s.ring("c1", number)
	play := func() (works int, refused []error) {
		for range 100 {
			idle := true
			for _, en := range []*board.Enricher{ping, pong} {
				for _, w := range s.TakeWork(en, 10, s.now) {
					_, err := s.Answer(en.App, w.ID, board.Answer{Claims: []board.NewClaim{{Field: "x." + en.App + ".n", Value: s.id("n")}}}, s.now)
					if s.show(); err != nil {
						refused = append(refused, err)
					}
					works, idle = works+1, false
				}
			}
			if idle {
				return works, refused
			}
		}
		t.Fatal("B-17: they never end")
		return 0, nil
	}
	for wave := range 2 {
		works, refused := play()
		if works != 7 || len(refused) != 1 {
			t.Fatalf("wave %d: %d works, refused %v; want 7: three changes each, and one that is refused", wave, works, refused)
		}
		why, ok := errors.AsType[*board.Suspended](refused[0])
		if wantCode(t, refused[0], board.CodeSuspended); !ok || why.Source != "pong" || why.Field != "x.pong.n" || !strings.Contains(why.Err.Remedy, "a change of the call") {
			t.Errorf("refused with %+v", why)
		}
		if settled := s.wantSettled(r, wave+1); settled.Rounds != 6 || !slices.Equal(settled.Unanswered, []string{"pong"}) {
			t.Errorf("settled %+v, want 6 rounds and pong not heard", *settled)
		}
		s.pbx("c1", telephony.CallUpdated, telephony.Ringing, fmt.Sprint("+459999999", wave))
		s.show()
	}
}

// B-15: rounds are at most 8. What is written deeper is kept and shown; work follows from it in the next wave.
func TestRoundLimit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var chain []*board.Enricher // each app works from the one before
	for i := range 10 {
		chain = append(chain, s.register(fmt.Sprint("app", i), map[bool]string{true: "party.number", false: fmt.Sprintf("x.app%d.n", i-1)}[i == 0]))
	}
	r := s.ring("c1", number)
	for i, en := range chain[:8] {
		w := s.work(en)
		if w.Round != i {
			t.Fatalf("%s is asked in round %d, want %d", en.App, w.Round, i)
		}
		s.answer(en, w, "x."+en.App+".n", "1")
	}
	if c := s.Get(r).Fields["x.app7.n"].Shown(); c.Round != 8 {
		t.Errorf("the deepest claim is of round %d, want 8", c.Round)
	}
	s.noWork(chain...)
	if settled := s.wantSettled(r, 1); settled.Rounds != 8 {
		t.Errorf("settled after %d rounds, want 8", settled.Rounds)
	}
	s.claim(r, "user", "party.bio", "x") // nobody works from that: but the wave is new
	s.show()
	if w := s.work(chain[8]); w.Round != 0 || w.Wave != 2 || !slices.Equal(w.Changed, []string{"x.app7.n"}) {
		t.Errorf("in the next wave: round %d, wave %d, changed %v", w.Round, w.Wave, w.Changed)
	}
}

// B-15: a source writes at most 24 times in a wave on a record. Taking back is always possible.
func TestWritesPerWave(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	for i := range 24 {
		if err := s.tries(r, "crm", fmt.Sprint("x.crm.f", i), "1"); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	wantCode(t, s.tries(r, "crm", "x.crm.f24", "1"), board.CodeSuspended)
	_, _, err := s.PutItem(r, "crm", board.NewItem{List: "links", Text: "x"}, s.now)
	wantCode(t, err, board.CodeSuspended)
	if err := s.tries(r, "crm", "x.crm.f0", ""); err != nil {
		t.Errorf("taking back: %v", err)
	}
	if err := s.tries(r, "crm", "x.crm.f1", "1"); err != nil {
		t.Errorf("a no-op: %v", err)
	}
	if err := s.tries(r, "mail", "x.mail.f0", "1"); err != nil {
		t.Errorf("another app: %v", err)
	}
	if err := s.tries(r, "user", "party.name", "Ann"); err != nil {
		t.Errorf("a person: %v", err)
	}
	if err := s.tries(r, "crm", "x.crm.f24", "1"); err != nil {
		t.Errorf("after a person's edit: %v", err)
	}
}

// B-15: one write of many fields is one write.
func TestOneWriteOfManyFields(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	en := s.register("crm", "party.number")
	r := s.ring("c1", number)
	a := board.Answer{Items: []board.NewItem{{List: "links", Text: "one"}, {List: "links", Text: "two"}}}
	for i := range 40 {
		a.Claims = append(a.Claims, board.NewClaim{Field: fmt.Sprint("x.crm.f", i), Value: "1"})
	}
	if w, err := s.Answer("crm", s.work(en).ID, a, s.now); err != nil || w.Changed != 42 {
		t.Fatalf("changed %d, %v", w.Changed, err)
	}
	s.show()
	for i := range 23 {
		if err := s.tries(r, "crm", "x.crm.f0", fmt.Sprint(i)); i < 2 && err != nil {
			t.Errorf("%v", err)
		}
	}
}

// B-15: a slot that returns to a value it already had in this wave is frozen at its best, and one notification names the
// sources between which it went.
func TestContended(t *testing.T) {
	t.Parallel()
	type step struct {
		value   string
		quality board.Quality
	}
	for _, test := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"of equal quality: the one it holds", []step{{"a", board.Matched}, {"b", board.Matched}, {"A ", board.Matched}}, "b"},
		{"the better one", []step{{"a", board.Guess}, {"b", board.Verified}, {"a", board.Guess}}, "b"},
		{"the better one is the first", []step{{"a", board.Verified}, {"b", board.Guess}, {"a", board.Guess}}, "a"},
		{"also over a withdrawal", []step{{"a", board.Matched}, {"", ""}, {"a", board.Matched}}, "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			r := s.ring("c1", number)
			for _, other := range []string{"x", "y"} { // the other end of the loop
				s.claim(r, "mail", "party.email", other+"@example.com")
				s.show()
			}
			for _, st := range test.steps {
				if _, err := s.Claim(r, "crm", []board.NewClaim{{Field: "party.name", Value: st.value, Quality: st.quality}}, s.now); err != nil {
					t.Fatal(err)
				}
				s.show()
			}
			if got := s.Get(r).Value("party.name"); got != test.want {
				t.Errorf("frozen at %q, want %q", got, test.want)
			}
			told := s.kinds(board.FieldContended)
			if len(told) != 1 || told[0].Field != "party.name" || !slices.Equal(told[0].Sources, []string{"crm", "mail"}) || told[0].Record != r {
				t.Fatalf("told %+v", told)
			}
			if frozen := s.Get(r).Frozen(); len(frozen) != 1 || !slices.Equal(frozen["party.name"].Sources, told[0].Sources) {
				t.Errorf("frozen are %+v", frozen)
			}
			wantCode(t, s.tries(r, "crm", "party.name", "z"), board.CodeSuspended)
			if err := s.tries(r, "crm", "party.company", "Acme"); err != nil {
				t.Errorf("another field: %v", err)
			}
			s.claim(r, "user", "party.bio", "x")
			s.show()
			if err := s.tries(r, "crm", "party.name", "z"); err != nil {
				t.Errorf("in the next wave: %v", err)
			}
			if frozen := s.Get(r).Frozen(); len(frozen) != 0 {
				t.Errorf("frozen in the next wave: %+v", frozen)
			}
			if n := len(s.kinds(board.FieldContended)); n != 1 {
				t.Errorf("told %d times, want once", n)
			}
		})
	}
}

// B-15: a value that a slot had in an earlier wave is no return.
func TestNotContendedAcrossWaves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	for i, value := range []string{"a", "b", "a", "b"} {
		s.claim(r, "user", "party.bio", fmt.Sprint(i))
		s.show()
		s.claim(r, "crm", "party.name", value)
		s.show()
		if got := s.Get(r).Value("party.name"); got != value {
			t.Errorf("reads %q, want %q", got, value)
		}
	}
	if told := s.kinds(board.FieldContended); len(told) > 0 {
		t.Errorf("told %+v", told[0])
	}
}

// B-15: three suspensions in an hour bar the app from the field, on every record, until the person lets it again.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	loop := func(record string) {
		s.claim(record, "user", "party.bio", s.id("bio"))
		s.show()
		for _, value := range []string{"a", "b", "a", "c"} {
			if err := s.tries(record, "crm", "party.name", value); err != nil {
				if e, _ := errors.AsType[*telephony.Error](err); e.Code != board.CodeSuspended && e.Code != board.CodeQuarantined {
					t.Fatal(err)
				}
			}
		}
	}
	r1, r2 := s.ring("c1", number), s.ring("c2", "+4511111111")
	loop(r1)
	s.now = s.now.Add(61 * time.Minute) // that one is forgotten
	loop(r1)
	loop(r2)
	if q := s.Quarantined(); len(q) != 0 {
		t.Fatalf("quarantined after two in an hour: %+v", q)
	}
	s.now = s.now.Add(20 * time.Minute)
	loop(r1)
	told := s.kinds(board.AppQuarantined)
	if q := s.Quarantined(); len(q) != 1 || q[0].App != "crm" || q[0].Field != "party.name" || len(told) != 1 || told[0].App != "crm" || told[0].Field != "party.name" {
		t.Fatalf("quarantined %+v, told %+v", q, told)
	}
	s.claim(r2, "user", "party.bio", "next wave")
	s.show()
	wantCode(t, s.tries(r2, "crm", "party.name", "d"), board.CodeQuarantined)
	if err := s.tries(r2, "crm", "party.name", ""); err != nil {
		t.Errorf("taking back: %v", err)
	}
	if err := s.tries(r2, "crm", "party.company", "Acme"); err != nil {
		t.Errorf("another field: %v", err)
	}
	again := newStage(t)
	again.Restore(nil, s.log, uint64(len(s.log)), 0)
	if q := again.Quarantined(); len(q) != 1 {
		t.Errorf("after a restart: %+v", q)
	}
	_, lifted := s.LiftQuarantine("crm", "party.name", s.now)
	if _, again := s.LiftQuarantine("crm", "party.name", s.now); !lifted || again {
		t.Error("not lifted, or twice")
	}
	if err := s.tries(r2, "crm", "party.name", "d"); err != nil {
		t.Errorf("let again: %v", err)
	}
	if loop(r1); len(s.Quarantined()) != 0 {
		t.Error("after that it is barred at once")
	}
	again = newStage(t)
	again.Restore(nil, s.log, uint64(len(s.log)), 0)
	if q := again.Quarantined(); len(q) != 0 {
		t.Errorf("after a restart: %+v", q)
	}
}

// B-11: what an app writes with nothing that it follows from begins a wave, six a minute and sixty on a record.
func TestOwnWaves(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.now = s.now.Add(61 * time.Second)
	wave := s.Get(r).Wave
	n := 0
	write := func() error { n++; return s.tries(r, "crm", "x.crm.n", fmt.Sprint(n)) }
	for i := range 6 {
		if err := write(); err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
		s.now = s.now.Add(time.Second)
	}
	if c := s.Get(r).Fields["x.crm.n"].Shown(); c.Wave != wave+6 || c.Round != 0 {
		t.Errorf("the sixth write is of wave %d, round %d; want %d and 0", c.Wave, c.Round, wave+6)
	}
	err := write()
	wantCode(t, err, board.CodeSuspended)
	if why, ok := errors.AsType[*board.Suspended](err); !ok || why.After != 54*time.Second {
		t.Errorf("wait %v, want 54 s", why.After)
	}
	if err := s.tries(r, "mail", "x.mail.n", "1"); err != nil { // follows from what crm wrote
		t.Errorf("another app: %v", err)
	}
	if err := write(); err != nil {
		t.Errorf("it follows from what mail wrote: %v", err)
	}
	written := 6
	for ; written < 60; written++ {
		s.now = s.now.Add(2 * time.Minute)
		if err := write(); err != nil {
			t.Fatalf("write %d: %v", written, err)
		}
	}
	s.now = s.now.Add(2 * time.Minute)
	wantCode(t, write(), board.CodeSuspended)
	s.pbx("c1", telephony.CallAnswered, telephony.Connected, number)
	s.show()
	if err := write(); err != nil {
		t.Errorf("after news: %v", err)
	}
}

// B-15: rings between apps are seen from what they say, before they run.
func TestCycles(t *testing.T) {
	t.Parallel()
	reg := func(needs, gives string) board.Registration {
		return board.Registration{Needs: strings.Fields(needs), Gives: strings.Fields(gives)}
	}
	for _, test := range []struct {
		name string
		apps map[string]board.Registration
		want string
	}{
		{"none", map[string]board.Registration{"book": reg("party.number", "party.name party.company"), "crm": reg("party.company", "x.crm.owner")}, ""},
		{"two", map[string]board.Registration{"book": reg("party.number x.crm.owner", "party.company"), "crm": reg("party.company", "x.crm.owner")},
			"book → party.company → crm → x.crm.owner → book"},
		{"its own field is none", map[string]board.Registration{"crm": reg("party.name", "party.name")}, ""},
		{"through three", map[string]board.Registration{"a": reg("x.c.n", "x.a.n"), "b": reg("x.a.n", "x.b.n"), "c": reg("x.b.n", "x.c.n"), "d": reg("x.a.n", "x.d.n")},
			"a → x.a.n → b → x.b.n → c → x.c.n → a"},
		{"with stars", map[string]board.Registration{"a": reg("party.*", "x.a.*"), "b": reg("x.*", "party.name")}, "a → x.a.* → b → party.name → a"},
		{"who asks for every change", map[string]board.Registration{"a": reg("x.log.n", "x.a.n"), "log": {Gives: []string{"x.log.n"}, On: []board.Moment{board.Changed}}},
			"a → x.a.n → log → x.log.n → a"},
	} {
		var got []string
		for _, c := range board.Cycles(test.apps) {
			got = append(got, c.String())
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
