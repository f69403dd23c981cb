package line

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// kept is a store in memory.
type kept struct {
	mu      sync.Mutex
	records map[string]*board.Record
	seen    time.Time
}

func (k *kept) Commit(_ context.Context, _ string, batch []*board.Change) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range batch {
		if c.After != nil {
			k.records[c.Record] = c.After
		}
	}
	return nil
}

func (k *kept) CallsBetween(_ context.Context, line string, from, to time.Time, most int) ([]*board.Record, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*board.Record
	for _, id := range slices.Sorted(maps.Keys(k.records)) {
		if r := k.records[id]; r.Line == line && r.Call != nil && !r.Call.StartedAt.Before(from) && r.Call.StartedAt.Before(to) {
			all = append(all, r)
		}
	}
	return all, nil
}

func (k *kept) Record(_ context.Context, id string) (*board.Record, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.records[id], nil
}

func (k *kept) SeenUpTo(context.Context, string) (time.Time, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen, nil
}

func (k *kept) KeepSeenUpTo(_ context.Context, _ string, at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = at
	return nil
}

// log is what the call log says, in seconds.
func (k *kept) log() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for _, r := range k.records {
		e := board.LogEntryOf(r)
		seconds := func(t time.Time) int64 {
			if t.IsZero() {
				return 0
			}
			return t.Unix()
		}
		all = append(all, fmt.Sprint(seconds(e.StartedAt), seconds(e.AnsweredAt), seconds(e.EndedAt), e.View, e.Direction, e.Number, e.Result, e.Extension))
	}
	slices.Sort(all)
	return all
}

// calls are those on the board: one that is written again is another.
func (p *past) calls() map[string]*telephony.Call {
	calls := map[string]*telephony.Call{}
	for _, r := range p.line.board.Calls("1001") {
		calls[r.ID] = r.Call
	}
	return calls
}

// journal is the PBX's records.
type journal struct {
	calls []telephony.PastCall
	err   error
	asked chan time.Time // nil, or since when was asked
}

func (j *journal) Calls(_ context.Context, since time.Time, most int) ([]telephony.PastCall, error) {
	if j.asked != nil {
		j.asked <- since
	}
	calls := slices.DeleteFunc(slices.Clone(j.calls), func(p telephony.PastCall) bool { return p.Call.EndedAt.Before(since) })
	return calls[max(0, len(calls)-most):], j.err
}

// past is a program with a line of 1001, and what its PBX keeps.
type past struct {
	*reader
	kept    *kept
	journal *journal
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func newPast() *past {
	var mu sync.Mutex
	ids := 0
	newID := func(kind string) string {
		mu.Lock()
		defer mu.Unlock()
		ids++
		return fmt.Sprintf("%s_%06d", kind, ids)
	}
	b := board.New(board.Options{Epoch: "e1", NewID: newID, Normal: Normal("DK")})
	l := New(Options{Name: "1001", Region: "DK", NewID: newID, Extensions: []telephony.Extension{{Number: "1001"}}}, b, nil, time.Time{})
	p := &past{kept: &kept{records: map[string]*board.Record{}}, journal: &journal{}}
	logger := slog.New(slog.DiscardHandler)
	committer := NewCommitter(b, p.kept, 0, func() string { return newID("epoch") }, logger)
	p.reader = &reader{ReadBack: ReadBack{Journal: p.journal, Memory: p.kept, Committer: committer, Back: 48 * time.Hour, Most: 1000, Logger: logger}, line: l, up: noon.Add(12 * time.Hour)}
	return p
}

// running commits until stop is called.
func (p *past) running() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Committer.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// truth is a call as it was.
type truth struct {
	n              int
	caller         bool // 1001 began it
	number         string
	start          time.Time
	ring, talk     time.Duration
	result         telephony.Result
	identified     bool // the PBX keeps its ids
	sought         bool // its number was looked up just before
	seen, lost, in bool // seen live; and the PBX was lost before it ended, after it was answered
}

func (c *truth) call(id telephony.CallID, later time.Duration) telephony.Call {
	party := telephony.DisplayParty(c.number, "")
	user := telephony.Party{Number: "1001", Extension: "1001"}
	start := c.start.Add(later)
	v := telephony.View{Extension: "1001", Caller: c.caller, Direction: telephony.Inbound, State: telephony.Ended, Result: c.result, User: user, Party: party,
		StartedAt: start, EndedAt: start.Add(c.ring + c.talk), Leg: telephony.LegID(fmt.Sprintf("17959.%d", 2*c.n+1))}
	if c.caller {
		v.Direction = telephony.Outbound
	}
	if c.result == telephony.Answered {
		v.AnsweredAt = start.Add(c.ring)
	}
	v.Timeline = []telephony.TimelineEntry{{At: start, What: string(telephony.Ringing)}, {At: v.EndedAt, What: string(telephony.Ended)}}
	return telephony.Call{ID: id, Direction: v.Direction, State: telephony.Ended, Result: c.result, User: user, Party: party, StartedAt: start, AnsweredAt: v.AnsweredAt,
		EndedAt: v.EndedAt, Complete: true, Views: []telephony.View{v}, Timeline: slices.Clone(v.Timeline),
		Legs: []telephony.Leg{{ID: telephony.LegID(fmt.Sprintf("17959.%d", 2*c.n)), Device: "PJSIP/trunk"}, {ID: v.Leg, Device: "PJSIP/1001"}}}
}

// live is the call as it is on record; lost: its end was not seen.
func (c *truth) live(id telephony.CallID) telephony.Call {
	call := c.call(id, 300*time.Millisecond)
	if c.lost {
		v := &call.Views[0]
		call.Complete, call.Result, call.EndedAfter, call.EndedBefore, call.EndedAt = false, telephony.UnknownResult, call.StartedAt.Add(time.Second), call.EndedAt.Add(time.Hour), time.Time{}
		if !c.in {
			call.AnsweredAt = time.Time{}
		}
		v.Result, v.AnsweredAt, v.EndedAt, v.EndedAfter, v.EndedBefore = call.Result, call.AnsweredAt, call.EndedAt, call.EndedAfter, call.EndedBefore
	}
	return call
}

// noted is the call as the PBX keeps it.
func (c *truth) noted() telephony.PastCall {
	p := telephony.PastCall{Call: c.call("", 0)}
	p.Call.Complete, p.Call.Unseen = false, true
	p.Call.Views[0].Unseen = true
	if !c.identified {
		for i := range p.Call.Legs {
			p.Call.Legs[i].ID = telephony.LegID(fmt.Sprintf("PJSIP/x-%d@%d", 2*c.n+i, c.start.Unix()))
		}
	}
	for _, l := range p.Call.Legs {
		p.Legs = append(p.Legs, l.ID)
	}
	return p
}

// see puts a call on the board as one that was seen.
func (p *past) see(c *truth) {
	call := c.live(telephony.CallID(p.line.options.NewID("call")))
	p.line.board.Call("1001", []telephony.Change{{Kind: telephony.CallEnded, At: call.StartedAt.Add(c.ring + c.talk), Call: &call}}, claims(&call, "DK"))
}

// seek looks the number of a call up.
func (p *past) seek(c *truth) {
	if claims, err := LookupClaims(c.number, "DK"); c.sought && err == nil {
		p.line.board.OpenLookup("1001", board.SourceUser, claims, c.start)
	}
}

func someDay(t *rapid.T) []truth {
	identified := rapid.Bool().Draw(t, "the PBX keeps ids")
	n := rapid.IntRange(0, 25).Draw(t, "calls")
	day := make([]truth, n)
	at := noon
	for i := range day {
		pause := 0 // with ids calls of one number may even begin at once
		if !identified {
			pause = 20
		}
		at = at.Add(time.Duration(rapid.IntRange(pause, 600).Draw(t, "pause")) * time.Second)
		c := truth{n: i, start: at, identified: identified, caller: rapid.Bool().Draw(t, "caller"), number: rapid.SampledFrom([]string{"+4532123456", "32123457", "1002", "anonymous", ""}).Draw(t, "number"),
			sought: rapid.IntRange(0, 3).Draw(t, "looked up") == 0, ring: time.Duration(rapid.IntRange(0, 40).Draw(t, "ring")) * time.Second, seen: rapid.Bool().Draw(t, "seen"),
			result: rapid.SampledFrom([]telephony.Result{telephony.Answered, telephony.Missed, telephony.Busy, telephony.Failed, telephony.Voicemail}).Draw(t, "result")}
		if c.result == telephony.Answered {
			c.talk = time.Duration(rapid.IntRange(0, 900).Draw(t, "talk")) * time.Second
			c.in = rapid.Bool().Draw(t, "answer seen")
		}
		c.lost = c.seen && rapid.IntRange(0, 3).Draw(t, "end") == 0
		if !identified {
			at = at.Add(c.ring + c.talk)
		}
		day[i] = c
	}
	return day
}

// TestAnySplitGivesTheSameLog: however a day's calls are split into those that were seen, those of which the end was not, and those
// that nobody saw, the log is the same once they were read back, in any number of goes, and each lookup has the call that it waited for (B-20);
// to read once more adds nothing (B-23).
func TestAnySplitGivesTheSameLog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		day := someDay(t)
		all, split := newPast(), newPast()
		stopAll, stopSplit := all.running(), split.running()
		defer stopAll()
		defer stopSplit()
		for _, c := range day {
			all.seek(&c)
			split.seek(&c)
			if c.seen {
				split.see(&c)
			}
			c.lost = false
			all.see(&c)
			split.journal.calls = append(split.journal.calls, c.noted())
		}
		slices.SortStableFunc(split.journal.calls, func(a, b telephony.PastCall) int { return a.Call.EndedAt.Compare(b.Call.EndedAt) })
		whole := split.journal.calls
		split.journal.calls = whole[:rapid.IntRange(0, len(whole)).Draw(t, "of which are noted at first")]
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := split.read(t.Context())
		must(err)
		split.journal.calls = whole
		_, err = split.read(t.Context())
		must(err)
		before := split.calls()
		added, err := split.read(t.Context())
		must(err)
		if after := split.calls(); added != 0 || !maps.Equal(before, after) {
			t.Fatalf("read once more: %d calls, %v, before %v", added, after, before)
		}
		stopAll()
		stopSplit()
		if got, want := split.kept.log(), all.kept.log(); !slices.Equal(got, want) {
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// TestSeenStaysAsItIs: what was seen is not written again, and what nobody saw is marked so, is closed, and asks no app.
func TestSeenStaysAsItIs(t *testing.T) {
	t.Parallel()
	p := newPast()
	defer p.running()()
	seen := truth{n: 1, number: "+4532123456", start: noon, ring: 9 * time.Second, result: telephony.Missed, identified: true}
	unseen := truth{n: 2, number: "+4532123457", start: noon.Add(time.Hour), ring: 9 * time.Second, result: telephony.Missed, identified: true}
	p.see(&seen)
	en := p.line.board.Register("app", board.Registration{Needs: []string{"party.number"}, On: []board.Moment{board.Opened, board.Ended}}, noon)
	p.journal.calls = []telephony.PastCall{seen.noted(), unseen.noted()}
	if added, err := p.read(t.Context()); err != nil || added != 1 {
		t.Fatalf("%d, %v", added, err)
	}
	for _, w := range p.line.board.TakeWork(en, 10, noon) {
		if w.Record.Call.Unseen {
			t.Errorf("an app is asked about %+v", w.Record)
		}
	}
	records, err := p.kept.CallsBetween(t.Context(), "1001", noon.Add(-time.Hour), noon.Add(2*time.Hour), 10)
	if err != nil || len(records) != 2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, r := range records {
		unseen := r.Value("party.number") == "+4532123457"
		if r.Call.Unseen != unseen || r.Complete() == unseen || (r.State == board.Closed) != unseen || unseen && (r.Settled != nil || !r.OpenedAt.Equal(r.Call.StartedAt)) {
			t.Errorf("%+v", r)
		}
	}
}

// TestEndOfAStoredCall: a call of which the end was not seen, and that is long off the board, gets it, and all else on it stays.
func TestEndOfAStoredCall(t *testing.T) {
	t.Parallel()
	before, p := newPast(), newPast()
	c := truth{n: 1, number: "+4532123456", start: noon, ring: 9 * time.Second, talk: time.Minute, result: telephony.Answered, identified: true, lost: true, in: true}
	stop := before.running()
	before.see(&c)
	record := before.line.board.Calls("1001")[0].ID
	if _, err := before.line.board.Claim(record, "crm", []board.NewClaim{{Field: "party.company", Value: "Acme"}}, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := before.line.board.Close(record, board.SourceUser, noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	stop()
	p.kept.records[record] = before.kept.records[record]
	defer p.running()()
	p.journal.calls = []telephony.PastCall{c.noted()}
	if added, err := p.read(t.Context()); err != nil || added != 0 {
		t.Fatalf("%d, %v", added, err)
	}
	r, err := p.kept.Record(t.Context(), record)
	if err != nil || r.Call.Result != telephony.Answered || !r.Call.EndedAt.Equal(c.start.Add(c.ring+c.talk)) || r.Call.EndedBefore.IsZero() || r.Value("party.company") != "Acme" || r.State != board.Closed || r.Complete() {
		t.Errorf("%+v, %v", r, err)
	}
	if last := r.Call.Timeline[len(r.Call.Timeline)-1]; last.What != string(telephony.Ended) || !last.At.Equal(r.Call.EndedAt) {
		t.Errorf("the timeline: %+v", r.Call.Timeline)
	}
}

// TestErasedStaysErased: a call of whom was erased is known by its times, and nothing of the person comes back (SEC-45).
func TestErasedStaysErased(t *testing.T) {
	t.Parallel()
	p := newPast()
	defer p.running()()
	c := truth{n: 1, number: "+4532123456", start: noon, ring: 9 * time.Second, result: telephony.Missed, identified: true}
	p.journal.calls = []telephony.PastCall{c.noted()}
	if _, err := p.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.line.board.Erase(board.Match{Numbers: []string{"+4532123456"}}, noon.Add(time.Hour))
	later := c.noted() // and the PBX has noted more of it meanwhile
	later.Call.EndedAt = later.Call.EndedAt.Add(2 * time.Second)
	later.Legs = append(later.Legs, "17959.99")
	p.journal.calls = []telephony.PastCall{later}
	if added, err := p.read(t.Context()); err != nil || added != 0 {
		t.Fatalf("%d are added, %v", added, err)
	}
	for _, r := range p.line.board.Calls("1001") {
		if r.Call.Party.Number != "" || len(r.Call.Legs) > 0 {
			t.Errorf("the person is back: %+v", r.Call)
		}
	}
}

// TestMoreIsNoted: a PBX notes the parts of a call one after the other; a record that was read back follows.
func TestMoreIsNoted(t *testing.T) {
	t.Parallel()
	p := newPast()
	defer p.running()()
	c := truth{n: 1, number: "+4532123456", start: noon, ring: 4 * time.Second, result: telephony.Missed, identified: true}
	p.journal.calls = []telephony.PastCall{c.noted()}
	if _, err := p.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := p.kept.log()
	c.result, c.talk = telephony.Answered, time.Minute
	p.journal.calls = []telephony.PastCall{c.noted()}
	added, err := p.read(t.Context())
	if now := p.kept.log(); err != nil || added != 0 || len(now) != 1 || slices.Equal(before, now) || !strings.Contains(now[0], "answered") {
		t.Errorf("%d, %v: %v, before %v", added, err, now, before)
	}
	c.start, c.result, c.talk = c.start.Add(10*time.Second), telephony.Missed, 2*time.Hour // only its last part is within what was read
	now := p.kept.log()
	p.journal.calls = []telephony.PastCall{c.noted()}
	if added, err = p.read(t.Context()); err != nil || added != 0 || !slices.Equal(now, p.kept.log()) {
		t.Errorf("%d, %v: %v, before %v", added, err, p.kept.log(), now)
	}
}

// TestWhenItIsRead: each time the PBX is seen again, from when it was last seen; not before all is known does that time move on.
func TestWhenItIsRead(t *testing.T) {
	t.Parallel()
	p := newPast()
	defer p.running()()
	p.journal.asked = make(chan time.Time, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	o := p.ReadBack
	o.Again, o.Back = []time.Duration{0}, 24*time.Hour
	go func() {
		defer close(done)
		p.line.ReadBack(ctx, o)
	}()
	asked := func() time.Time {
		t.Helper()
		select {
		case at := <-p.journal.asked:
			return at
		case <-time.After(time.Minute):
			t.Fatal("it is not read")
			return time.Time{}
		}
	}
	up := time.Now()
	p.line.Observe(telephony.Observation{ObservedAt: up, Fact: telephony.Snapshot{}})
	for range 2 { // and once more
		if since := asked(); !since.Equal(up.Add(-24 * time.Hour)) {
			t.Errorf("the first time since %s", since)
		}
	}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if at, _ := p.kept.SeenUpTo(ctx, ""); !at.IsZero() {
			break
		}
		if time.Now().After(limit) {
			t.Fatal("that all is known is not kept")
		}
	}
	lost := time.Now().Add(time.Hour)
	p.line.Observe(telephony.Observation{ObservedAt: lost, Fact: telephony.LinkLost{}})
	p.line.Observe(telephony.Observation{ObservedAt: lost.Add(time.Minute), Fact: telephony.Snapshot{}})
	if since := asked(); !since.Equal(lost.Add(-clocks)) {
		t.Errorf("again since %s, it was lost %s", since, lost)
	}
	asked()
	cancel()
	<-done
	if at, _ := p.kept.SeenUpTo(t.Context(), ""); at.Before(lost) {
		t.Errorf("in the end all is known up to %s", at)
	}
}

// TestRecordsThatCannotBeRead: it is said once, and tried again; nothing is taken for known.
func TestRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newPast()
	p.journal.err = errors.New("no such file")
	for range 2 {
		if wait := p.turn(t.Context()); wait != retryReading || p.covered || !p.kept.seen.IsZero() {
			t.Errorf("the next time in %s, %+v", wait, p.reader)
		}
	}
}
