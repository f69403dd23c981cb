package board_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestMain plays each property 2,000 times (200 with the race detector), or as often as -rapid.checks says.
func TestMain(m *testing.M) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if !said {
		if err := flag.Set("rapid.checks", plays); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const deadline = 5 * time.Second

var begin = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// tester is what *testing.T and *rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// stage is a board with a committer that never fails and a clock that moves when it is told to.
type stage struct {
	*board.Board
	t    tester
	now  time.Time
	ids  int
	log  []*board.Change // all that was shown
	revs map[string]int64
}

func newStage(t tester, change ...func(*board.Options)) *stage {
	s := &stage{t: t, now: begin, revs: map[string]int64{}}
	o := board.Options{Epoch: "e1", NewID: s.id}
	for _, each := range change {
		each(&o)
	}
	s.Board = board.New(o)
	return s
}

func (s *stage) id(kind string) string {
	s.ids++
	return fmt.Sprintf("%s_%d", kind, s.ids)
}

// closesAfterGrace sees a record that is open stay so for its grace time, which begins now, and no longer (B-19).
func (s *stage) closesAfterGrace(id string) {
	s.t.Helper()
	s.sleep(9 * time.Minute)
	s.show()
	if s.Get(id).State != board.Open {
		s.t.Errorf("it closed within the grace time")
	}
	s.sleep(2 * time.Minute)
	s.show()
	if s.Get(id).State != board.Closed {
		s.t.Errorf("it does not close")
	}
}

func (s *stage) sleep(d time.Duration) {
	s.now = s.now.Add(d)
	s.Tick(s.now)
}

// show commits until nothing is pending, and returns what was shown. It checks D-1 on the way.
func (s *stage) show() []*board.Change {
	s.t.Helper()
	var shown []*board.Change
	for batch := s.Take(); len(batch) > 0; batch = s.Take() {
		for _, c := range batch {
			s.inOrder(c)
			s.encodedAlike(c)
		}
		s.Show(batch, true, s.now)
		shown = append(shown, batch...)
	}
	return shown
}

func (s *stage) inOrder(c *board.Change) {
	s.t.Helper()
	if want := uint64(len(s.log) + 1); c.Seq != want {
		s.t.Fatalf("D-1: change %q has seq %d, want %d", c.Kind, c.Seq, want)
	}
	s.log = append(s.log, c)
	if c.Record == "" {
		return
	}
	s.revs[c.Record]++
	if c.Rev != s.revs[c.Record] || c.After == nil || c.After.Rev != c.Rev {
		s.t.Fatalf("D-1: change %q of %s has rev %d, want %d", c.Kind, c.Record, c.Rev, s.revs[c.Record])
	}
}

// ring opens a record by a call from number.
func (s *stage) ring(id telephony.CallID, number string) string {
	s.t.Helper()
	before := len(s.log)
	s.pbx(id, telephony.CallRinging, telephony.Ringing, number)
	s.show()
	for _, c := range s.log[before:] {
		if c.Call != nil && c.Call.ID == id {
			return c.Record
		}
	}
	s.t.Fatalf("no record for call %s", id)
	return ""
}

// pbx is a change of a call; it is not shown yet.
func (s *stage) pbx(id telephony.CallID, kind telephony.ChangeKind, state telephony.State, number string) {
	call := &telephony.Call{ID: id, State: state, Party: telephony.Party{Number: number}, StartedAt: begin, Complete: true}
	if state == telephony.Ended {
		call.EndedAt = s.now
	}
	s.Call("desk", []telephony.Change{{Kind: kind, At: s.now, Call: call}}, []board.NewClaim{{Field: "party.number", Value: number, Quality: board.Verified}})
}

func (s *stage) claim(record, source, field, value string) board.Written {
	s.t.Helper()
	w, err := s.Claim(record, source, []board.NewClaim{{Field: field, Value: value}}, s.now)
	if err != nil {
		s.t.Fatalf("%s claims %s=%q: %v", source, field, value, err)
	}
	return w
}

func (s *stage) register(app string, needs ...string) *board.Enricher {
	s.t.Helper()
	en := s.Register(app, board.Registration{Needs: needs}, s.now)
	s.show()
	return en
}

// work takes the one work that must be there.
func (s *stage) work(en *board.Enricher) *board.Work {
	s.t.Helper()
	works := s.TakeWork(en, 10, s.now)
	if len(works) != 1 {
		s.t.Fatalf("%s has %d works, want 1", en.App, len(works))
	}
	return works[0]
}

func (s *stage) noWork(ens ...*board.Enricher) {
	s.t.Helper()
	for _, en := range ens {
		if works := s.TakeWork(en, 10, s.now); len(works) > 0 {
			s.t.Fatalf("%s is given work on %v, want none", en.App, works[0].Changed)
		}
	}
}

// answer answers with field, value pairs and shows.
func (s *stage) answer(en *board.Enricher, w *board.Work, pairs ...string) board.Written {
	s.t.Helper()
	var a board.Answer
	for i := 0; i < len(pairs); i += 2 {
		a.Claims = append(a.Claims, board.NewClaim{Field: pairs[i], Value: pairs[i+1]})
	}
	written, err := s.Answer(en.App, w.ID, a, s.now)
	if err != nil {
		s.t.Fatalf("%s answers: %v", en.App, err)
	}
	s.show()
	return written
}

// settled are the settled changes of a record so far.
func (s *stage) settled(record string) []*board.Settled {
	var found []*board.Settled
	for _, c := range s.log {
		if c.Kind == board.RecordSettled && c.Record == record {
			found = append(found, c.Settled)
		}
	}
	return found
}

func (s *stage) wantSettled(record string, n int) *board.Settled {
	s.t.Helper()
	found := s.settled(record)
	if len(found) != n {
		s.t.Fatalf("B-16: %s settled %d times, want %d", record, len(found), n)
	}
	if n == 0 {
		return nil
	}
	return found[n-1]
}

func wantCode(t tester, err error, code telephony.Code) {
	t.Helper()
	e, ok := errors.AsType[*telephony.Error](err)
	if !ok || e.Code != code {
		t.Errorf("got error %v, want code %s", err, code)
	}
}

func asJSON(t tester, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(text)
}
