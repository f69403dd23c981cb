package board_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// reads holds what a field shows, by whom, and how many others there are.
func (s *stage) reads(record, field, value, source string, others int) {
	s.t.Helper()
	s.show()
	f := s.Get(record).Fields[field]
	if f == nil {
		if value != "" {
			s.t.Errorf("%s is not there, want %q", field, value)
		}
		return
	}
	if shown := f.Shown(); shown.Value != value || shown.Source != source || f.Others != others {
		s.t.Errorf("%s reads %q by %q beside %d others, want %q by %q beside %d", field, shown.Value, shown.Source, f.Others, value, source, others)
	}
}

func (s *stage) must(w board.Written, err error) board.Written {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v", err)
	}
	s.show()
	return w
}

// B-3, B-4: the person pins one, types their own, hides one, and takes each of that back. Each is journaled as theirs.
func TestPinsAndHides(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) { o.Authority = map[string][]string{"party.name": {"hr"}} })
	r := s.ring("c1", number)
	for source, value := range map[string]string{"hr": "Ann", "crm": "Anna", "mail": "anna"} {
		s.claim(r, source, "party.name", value)
	}
	s.reads(r, "party.name", "Ann", "hr", 1)
	s.must(s.Pin(r, "party.name", "mail", s.now))
	s.reads(r, "party.name", "anna", "mail", 1)
	if w := s.must(s.Pin(r, "party.name", "mail", s.now)); w.Changed != 0 {
		t.Error("B-5: the same pin again was told")
	}
	s.claim(r, "mail", "party.name", "Anne") // the pin stays with the slot
	s.reads(r, "party.name", "Anne", "mail", 2)
	s.must(s.Pin(r, "party.name", "", s.now))
	s.reads(r, "party.name", "Ann", "hr", 2)
	s.must(s.Hide(r, "party.name", "hr", s.now))
	s.reads(r, "party.name", "Anna", "crm", 1)
	s.claim(r, "hr", "party.name", "Annette")
	s.reads(r, "party.name", "Anna", "crm", 1)
	s.must(s.Pin(r, "party.name", "mail", s.now))
	s.claim(r, "user", "party.name", "Anita") // typing one's own ends the pin
	s.reads(r, "party.name", "Anita", "user", 2)
	s.must(s.Pin(r, "party.name", "crm", s.now))
	s.reads(r, "party.name", "Anna", "crm", 2)
	s.claim(r, "user", "party.name", "Anita") // also the same as before
	s.reads(r, "party.name", "Anita", "user", 2)
	s.claim(r, "user", "party.name", "")
	s.must(s.Unhide(r, "party.name", "hr", s.now))
	s.reads(r, "party.name", "Annette", "hr", 2)
	if f := s.Get(r).Fields["party.name"]; f.Pin != "" || f.Hidden != nil || len(f.Claims) != 3 {
		t.Errorf("all taken back it is %+v", f)
	}
	for _, c := range s.log {
		if c.Kind == board.RecordChanged && c.Source == "user" && (c.Round != 0 || c.Cause != 0 || len(c.Shown) != 1) {
			t.Errorf("a person's decision is told as %+v", c)
		}
	}
}

// B-3: with all hidden nothing is shown, nobody works from it, and a pin waits for its claim.
func TestBlankFields(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	en := s.register("crm", "party.name")
	s.claim(r, "mail", "party.name", "Ann")
	s.show()
	s.answer(en, s.work(en))
	s.must(s.Hide(r, "party.name", "mail", s.now))
	s.reads(r, "party.name", "", "", 0)
	if f := s.Get(r).Fields["party.name"]; !f.Blank || len(f.Claims) != 1 {
		t.Errorf("all hidden it is %+v", f)
	}
	w := s.work(en)
	if !slices.Equal(w.Changed, []string{"party.name"}) || w.Record.Value("party.name") != "" {
		t.Errorf("work on %v", w.Changed)
	}
	s.answer(en, w)
	s.must(s.Pin(r, "party.email", "mail", s.now))
	s.claim(r, "book", "party.email", "a@example.com")
	s.reads(r, "party.email", "a@example.com", "book", 0)
	s.claim(r, "mail", "party.email", "b@example.com")
	s.reads(r, "party.email", "b@example.com", "mail", 1)
}

// B-3: what is hidden does not count for what it agrees with.
func TestHiddenDoesNotAgree(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	s.claim(r, "aa", "party.name", "X")
	s.claim(r, "bb", "party.name", "Y")
	s.claim(r, "cc", "party.name", "y")
	s.reads(r, "party.name", "Y", "bb", 1)
	s.must(s.Hide(r, "party.name", "cc", s.now))
	s.reads(r, "party.name", "X", "aa", 1)
}

// B-3: nobody overrules the PBX on what only it knows; what it merely guesses can be hidden.
func TestVerdictsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	_, err := s.Hide(r, "party.number", "pbx", s.now)
	wantCode(t, err, telephony.CodeAuthoritative)
	_, err = s.Pin(r, "call.state", "crm", s.now)
	wantCode(t, err, telephony.CodeAuthoritative)
	_, err = s.Pin(r, "Name", "crm", s.now)
	wantCode(t, err, telephony.CodeInvalid)
	_, err = s.Hide(r, "party.name", "user", s.now)
	wantCode(t, err, telephony.CodeInvalid)
	_, err = s.Pin("rec_0", "party.name", "crm", s.now)
	wantCode(t, err, telephony.CodeNotFound)
	for i := range 20 {
		_, err = s.Hide(r, "party.name", string(rune('a'+i)), s.now)
	}
	wantCode(t, err, telephony.CodeTooLarge)
	call := &telephony.Call{ID: "c2", State: telephony.Ringing}
	s.Call("desk", []telephony.Change{{Kind: telephony.CallCreated, At: s.now, Call: call}}, []board.NewClaim{{Field: "party.name", Value: "SPAM", Quality: board.Guess}})
	s.show()
	r2 := s.log[len(s.log)-1].Record
	s.must(s.Hide(r2, "party.name", "pbx", s.now))
	s.reads(r2, "party.name", "", "", 0)
}

// B-3: the authority may be configured for all fields that begin so; the longest beginning counts.
func TestAuthorityPatterns(t *testing.T) {
	t.Parallel()
	s := newStage(t, func(o *board.Options) {
		o.Authority = map[string][]string{"party.*": {"book"}, "party.com*": {"crm"}, "party.email": {"mail"}}
	})
	r := s.ring("c1", number)
	for _, field := range []string{"party.name", "party.company", "party.email"} {
		for _, source := range []string{"aa", "book", "crm", "mail"} {
			s.claim(r, source, field, "by "+source)
		}
	}
	s.reads(r, "party.name", "by book", "book", 3)
	s.reads(r, "party.company", "by crm", "crm", 3)
	s.reads(r, "party.email", "by mail", "mail", 3)
}

// B-3: an app's claims count as what the person let it at most.
func TestMaxQuality(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	claim := func(app string) board.Quality {
		if _, err := s.Claim(r, app, []board.NewClaim{{Field: "party.name", Value: s.id("v"), Quality: board.Verified}}, s.now); err != nil {
			t.Fatal(err)
		}
		s.show()
		return s.Get(r).Fields["party.name"].Of(app).Quality
	}
	s.Approve("guesser", board.Grant{MaxQuality: board.Guess})
	s.Approve("deriver", board.Grant{MaxQuality: board.Derived})
	s.Register("guesser", board.Registration{Needs: []string{"notes"}}, s.now) // says nothing of it
	for app, want := range map[string]board.Quality{"guesser": board.Guess, "deriver": board.Derived, "free": board.Verified} {
		if got := claim(app); got != want {
			t.Errorf("%s reaches %s, want %s", app, got, want)
		}
	}
}

// B-2: an exclusive field has one owner; it is claimed with the rev that was read, and whoever has read another is told
// what is there now.
func TestExclusive(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	claim := func(source, value string, rev int64) error {
		_, err := s.ClaimMatch(r, source, []board.NewClaim{{Field: "call.disposition", Value: value}}, rev, s.now)
		s.show()
		return err
	}
	wantCode(t, claim("crm", "sold", 0), board.CodeRevMoved)
	read := s.Get(r).Rev
	if err := claim("crm", "sold", read); err != nil {
		t.Fatal(err)
	}
	err := claim("tickets", "closed", read)
	moved, ok := errors.AsType[*board.RevMoved](err)
	if wantCode(t, err, board.CodeRevMoved); !ok || moved.Current.Value("call.disposition") != "sold" || moved.Current.Rev != s.Get(r).Rev || moved.Seq != uint64(len(s.log)) {
		t.Fatalf("refused with %+v", moved)
	}
	if err := claim("tickets", "closed", moved.Current.Rev); err != nil {
		t.Fatal(err)
	}
	if f := s.Get(r).Fields["call.disposition"]; len(f.Claims) != 1 || f.Shown().Source != "tickets" {
		t.Errorf("it has %d claims, shown %+v", len(f.Claims), f.Shown())
	}
	wantCode(t, claim("user", "lost", 0), board.CodeRevMoved)
	if err := claim("crm", "", s.Get(r).Rev); err != nil || s.Get(r).Value("call.disposition") != "closed" {
		t.Errorf("who is not the owner took it back: %v", err)
	}
	if err := claim("user", "lost", s.Get(r).Rev); err != nil || s.Get(r).Value("call.disposition") != "lost" {
		t.Errorf("a person: %v", err)
	}
	_, err = s.ClaimMatch(r, "crm", []board.NewClaim{{Field: "party.name", Value: "Ann"}}, 1, s.now) // any write may ask
	wantCode(t, err, board.CodeRevMoved)
}

// B-1: a claim may expire: then it is shown no more, which is a change. Made again it lives on in silence (B-5).
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	watcher := s.register("desk", "x.presence.*", "party.name")
	say := func(ttl time.Duration) board.Written {
		return s.must(s.Claim(r, "presence", []board.NewClaim{{Field: "x.presence.state", Value: "away", TTL: ttl}}, s.now))
	}
	s.claim(r, "book", "party.name", "Ann")
	say(10 * time.Second)
	s.reads(r, "x.presence.state", "away", "presence", 0)
	s.answer(watcher, s.work(watcher))
	s.sleep(6 * time.Second)
	before := len(s.log)
	if w := say(10 * time.Second); w.Changed != 0 || len(s.log) != before {
		t.Errorf("made again it changed %d", w.Changed)
	}
	s.sleep(4 * time.Second)
	s.reads(r, "x.presence.state", "away", "presence", 0)
	s.noWork(watcher)
	s.sleep(5 * time.Second)
	s.reads(r, "x.presence.state", "away", "presence", 0)
	s.sleep(time.Second)
	s.reads(r, "x.presence.state", "", "", 0)
	last := s.kinds(board.RecordChanged)
	gone := last[len(last)-1]
	if f, there := gone.Fields["x.presence.state"]; f != nil || !there || gone.Source != "presence" || gone.Round != 2 || !slices.Equal(gone.Shown, []string{"x.presence.state"}) {
		t.Errorf("told as %+v, want a field that is gone, one round deeper than the claim", gone)
	}
	s.answer(watcher, s.work(watcher))
	s.claim(r, "user", "party.bio", "news")
	say(0)
	s.sleep(24 * time.Hour)
	s.reads(r, "x.presence.state", "away", "presence", 0)
	s.must(s.Claim(r, "presence", []board.NewClaim{{Field: "x.presence.other", Value: "1", TTL: time.Minute}}, s.now))
	again := newStage(t) // after a restart it expires all the same
	again.Restore([]*board.Record{s.Get(r)}, s.log, uint64(len(s.log)), 0)
	again.now, again.log, again.revs[r] = s.now, slices.Clone(s.log), s.Get(r).Rev
	again.sleep(time.Minute)
	again.reads(r, "x.presence.other", "", "", 0)
	for _, ttl := range []time.Duration{-1, time.Millisecond, 365 * 24 * time.Hour} {
		_, err := s.Claim(r, "presence", []board.NewClaim{{Field: "x.presence.state", Value: "x", TTL: ttl}}, s.now)
		wantCode(t, err, telephony.CodeInvalid)
	}
}

// SEC-23: so many apps may claim a field; the person and the PBX always may.
func TestClaimsPerField(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.ring("c1", number)
	for i := range 8 {
		s.claim(r, string(rune('a'+i)), "party.name", "x")
	}
	wantCode(t, s.tries(r, "zz", "party.name", "x"), telephony.CodeTooLarge)
	if err := s.tries(r, "a", "party.name", "y"); err != nil {
		t.Error(err)
	}
	if err := s.tries(r, "user", "party.name", "y"); err != nil {
		t.Error(err)
	}
}
