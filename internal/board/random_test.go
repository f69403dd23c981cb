package board_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// players are a PBX, a person and apps that do anything at any time: answer, keep silent, fail, vanish, come back.
type players struct {
	*stage
	rt        *rapid.T
	enrichers map[string]*board.Enricher
	flying    map[string][]*board.Work // by app
	records   []string
	calls     map[telephony.CallID]telephony.State
	lastTold  map[string]string // the kind of the newest change by record, to see that it settles once
	asked     map[string]int    // how long the log was when an app was last given work on a record
}

var (
	fields = []string{"party.name", "party.company", "party.email", "x.shared"}
	apps   = []string{"ann", "bob", "cyd"}
)

func newPlayers(t *rapid.T) *players {
	s := newStage(t, func(o *board.Options) { o.Grace = 30 * time.Second })
	return &players{stage: s, rt: t, enrichers: map[string]*board.Enricher{}, flying: map[string][]*board.Work{},
		calls: map[telephony.CallID]telephony.State{}, lastTold: map[string]string{}, asked: map[string]int{}}
}

func pick[T any](t *rapid.T, from []T, label string) T { return rapid.SampledFrom(from).Draw(t, label) }

// acts are all that may happen; each is one step.
func (p *players) acts() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"ring": p.newCall, "pbx": p.callChanges, "person": p.personClaims, "app writes": p.appWrites, "note": p.noteWritten, "note gone": p.noteRemoved,
		"come": p.come, "go": p.leave, "take": p.take, "answer": p.answerOne, "fail": p.failOne, "drop": p.dropOne, "time": p.timePasses,
		"look up": p.lookUp, "decide": p.personDecides, "candidate": p.candidateAdded, "pick": p.personPicks, "erase": p.erased,
	}
}

func (p *players) anything() {
	acts := p.acts()
	names := make([]string, 0, len(acts))
	for name := range acts {
		names = append(names, name)
	}
	slices.Sort(names)
	acts[pick(p.rt, names, "act")](p.rt)
	if rapid.IntRange(0, 2).Draw(p.rt, "commit") > 0 {
		p.commit()
	}
}

// commit shows what is pending and checks that what settles is settled, once.
func (p *players) commit() {
	p.t.Helper()
	for _, c := range p.show() {
		switch {
		case c.Record == "":
			clear(p.lastTold)
			continue
		case c.Kind == board.RecordSettled && p.lastTold[c.Record] == board.RecordSettled:
			p.t.Fatalf("B-16: %s settled twice on end", c.Record)
		case c.Kind == board.RecordOpened:
			p.records = append(p.records, c.Record)
		}
		p.lastTold[c.Record] = c.Kind
	}
}

func (p *players) newCall(t *rapid.T) {
	if len(p.calls) >= 3 {
		return
	}
	id := telephony.CallID(fmt.Sprint("c", len(p.calls)+1))
	p.calls[id] = telephony.Ringing
	p.pbx(id, telephony.CallRinging, telephony.Ringing, pick(t, []string{number, "+4511111111"}, "number"))
}

func (p *players) lookUp(t *rapid.T) {
	p.OpenLookup("desk", "user", []board.NewClaim{{Field: "party.number", Value: number}}, p.now)
}

func (p *players) callChanges(t *rapid.T) {
	if len(p.calls) == 0 {
		return
	}
	id := telephony.CallID(fmt.Sprint("c", rapid.IntRange(1, len(p.calls)).Draw(t, "call")))
	if p.calls[id] == telephony.Ended {
		return
	}
	if rapid.IntRange(0, 3).Draw(t, "ends") == 0 {
		p.calls[id] = telephony.Ended
		p.pbx(id, telephony.CallEnded, telephony.Ended, number)
		return
	}
	p.pbx(id, telephony.CallAnswered, telephony.Connected, pick(t, []string{number, "+4511111111"}, "number"))
}

func (p *players) write(source string) {
	if len(p.records) == 0 {
		return
	}
	claims := p.randomClaims()
	if _, err := p.Claim(pick(p.rt, p.records, "record"), source, claims, p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) randomClaims() []board.NewClaim {
	var claims []board.NewClaim
	for range rapid.IntRange(0, 3).Draw(p.rt, "claims") {
		claims = append(claims, board.NewClaim{Field: pick(p.rt, fields[:3], "field"), Value: pick(p.rt, []string{"", "a", "b", "c", "d", "is erasable"}, "value"),
			TTL: pick(p.rt, []time.Duration{0, 0, 0, time.Second, time.Minute}, "ttl")})
	}
	return claims
}

// expected are refusals that a random writer meets.
func (p *players) expected(err error) {
	if e, ok := errors.AsType[*telephony.Error](err); !ok || !slices.Contains([]telephony.Code{telephony.CodeClosed, telephony.CodeWorkUnknown,
		telephony.CodeNotFound, board.CodeSuspended, board.CodeQuarantined}, e.Code) {
		p.t.Fatalf("refused: %v", err)
	}
}

func (p *players) personClaims(*rapid.T) { p.write("user") }
func (p *players) appWrites(t *rapid.T)  { p.write(pick(t, apps, "app")) }

func (p *players) personDecides(t *rapid.T) {
	if len(p.records) == 0 {
		return
	}
	decide := pick(t, []func(id, field, source string, at time.Time, receipts ...*board.Receipt) (board.Written, error){p.Pin, p.Hide, p.Unhide}, "verdict")
	if _, err := decide(pick(t, p.records, "record"), pick(t, fields[:3], "field"), pick(t, apps, "about"), p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) candidateAdded(t *rapid.T) {
	if len(p.records) == 0 {
		return
	}
	app := pick(t, apps, "app")
	item := board.NewItem{List: board.Candidates, ID: app, Fields: map[string]string{pick(t, fields[:3], "field"): pick(t, []string{"a", "e"}, "value")}}
	if _, _, err := p.PutItem(pick(t, p.records, "record"), app, item, p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) personPicks(t *rapid.T) {
	if len(p.records) == 0 {
		return
	}
	app := pick(t, apps, "app")
	if _, err := p.Claim(pick(t, p.records, "record"), "user", []board.NewClaim{{Field: "party.candidate", Value: app + "/" + app}}, p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) erased(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
		return
	}
	m := pick(t, []board.Match{{Numbers: []string{"+4511111111"}}, {Words: []string{"erasable"}}}, "whom")
	proof, err := p.Erase(m, p.now)
	if err != nil {
		p.t.Fatalf("%v", err)
	}
	for app, works := range p.flying { // nobody waits for those any more
		p.flying[app] = slices.DeleteFunc(works, func(w *board.Work) bool { return slices.Contains(proof.Records, w.Record.ID) })
	}
}

func (p *players) noteWritten(t *rapid.T) {
	if len(p.records) == 0 {
		return
	}
	item := board.NewItem{List: "notes", ID: pick(t, []string{"", "n1"}, "id"), Text: pick(t, []string{"x", "y"}, "text")}
	if _, _, err := p.PutItem(pick(t, p.records, "record"), "user", item, p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) noteRemoved(t *rapid.T) {
	if len(p.records) == 0 {
		return
	}
	if _, err := p.RemoveItem(pick(t, p.records, "record"), "user", board.NewItem{List: "notes", ID: "n1"}, p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) come(t *rapid.T) {
	app := pick(t, apps, "app")
	r := board.Registration{Needs: rapid.SliceOfN(rapid.SampledFrom(append(fields, "party.number", "notes", "party.*")), 1, 3).Draw(t, "needs")}
	if rapid.IntRange(0, 3).Draw(t, "on") == 0 {
		r.On = []board.Moment{pick(t, []board.Moment{board.Opened, board.Answered, board.Ended, board.Changed}, "moment")}
	}
	p.enrichers[app] = p.Register(app, r, p.now)
	p.flying[app] = nil
}

func (p *players) leave(t *rapid.T) {
	app := pick(t, apps, "app")
	if en := p.enrichers[app]; en != nil {
		p.Unregister(en, p.now)
		delete(p.enrichers, app)
		p.flying[app] = nil
	}
}

func (p *players) take(t *rapid.T) {
	app := pick(t, apps, "app")
	en := p.enrichers[app]
	if en == nil {
		return
	}
	for _, w := range p.TakeWork(en, rapid.IntRange(1, 3).Draw(t, "limit"), p.now) {
		if slices.ContainsFunc(p.flying[app], func(other *board.Work) bool { return other.Record.ID == w.Record.ID && !p.now.After(other.Deadline) }) {
			p.t.Fatalf("B-10: %s has two works on %s in flight", app, w.Record.ID)
		}
		if w.Round >= 8 {
			p.t.Fatalf("B-15: work of round %d", w.Round)
		}
		p.flying[app] = append(p.flying[app], w)
		p.asked[w.Record.ID] = len(p.log)
	}
}

// next takes one of an app's works away to do something with it.
func (p *players) next(t *rapid.T) (string, *board.Work) {
	app := pick(t, apps, "app")
	if len(p.flying[app]) == 0 {
		return app, nil
	}
	w := p.flying[app][0]
	p.flying[app] = p.flying[app][1:]
	return app, w
}

func (p *players) answerOne(t *rapid.T) {
	if app, w := p.next(t); w != nil {
		p.reply(app, w, board.Answer{Claims: p.randomClaims(), NothingFound: rapid.IntRange(0, 3).Draw(t, "nothing") == 0})
	}
}

func (p *players) failOne(t *rapid.T) {
	if app, w := p.next(t); w != nil {
		p.reply(app, w, board.Answer{Error: "down"})
	}
}

func (p *players) dropOne(t *rapid.T) { p.next(t) }

func (p *players) reply(app string, w *board.Work, a board.Answer) {
	if _, err := p.Answer(app, w.ID, a, p.now); err != nil {
		p.expected(err)
	}
}

func (p *players) timePasses(t *rapid.T) {
	p.sleep(time.Duration(rapid.SampledFrom([]int{1, 100, 2000, 6000, 40000, 130000}).Draw(t, "ms")) * time.Millisecond)
}

// finish lets every app answer for as long as it is asked, with values that say gives. It returns how many works that took.
func (p *players) finish(say func(app string) string) (works int) {
	p.t.Helper()
	p.commit()
	for turn := 0; ; turn++ {
		asked := 0
		p.sleep(deadline + time.Second) // what was dropped runs into its deadline
		p.commit()
		for _, app := range apps {
			en := p.enrichers[app]
			if en == nil {
				continue
			}
			fresh := p.TakeWork(en, 100, p.now)
			for _, w := range fresh {
				p.asked[w.Record.ID] = len(p.log)
			}
			for _, w := range append(p.flying[app], fresh...) {
				var claims []board.NewClaim
				for _, f := range fields[:3] {
					claims = append(claims, board.NewClaim{Field: f, Value: say(app), Quality: board.Verified})
				}
				p.reply(app, w, board.Answer{Claims: claims})
				asked++
			}
			p.flying[app] = nil
			p.commit()
		}
		works += asked
		if asked == 0 {
			return works
		}
		if turn > 100 {
			p.t.Fatalf("B-17: the apps are given work without end")
		}
	}
}

// settledNow checks that every record has settled since the last thing that could be work, and that no work is left.
func (p *players) settledNow() {
	p.t.Helper()
	for _, en := range p.enrichers {
		p.noWork(en)
	}
	for i, c := range p.log {
		switch {
		case c.Kind == board.RecordOpened:
			p.asked[c.Record] = max(p.asked[c.Record], i)
		case c.Kind == board.RecordSettled && i >= p.asked[c.Record]:
			delete(p.asked, c.Record)
		}
	}
	if len(p.asked) > 0 {
		p.t.Fatalf("B-16: asked about and never settled since: %v", p.asked)
	}
	if p.commit(); len(p.Take()) > 0 {
		p.t.Fatalf("something is pending for ever")
	}
}

// B-16, B-17: whatever the apps do, every wave ends: when all have answered or their deadlines have passed, every record is
// settled and no work is due.
func TestEveryWaveEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPlayers(t)
		acts := p.acts()
		acts[""] = func(*rapid.T) { p.commit() }
		t.Repeat(acts)
		// The worst that apps can do to each other: something new every time.
		if works, most := p.finish(func(string) string { return p.id("v") }), 10*len(p.records)*len(apps); works > most {
			t.Fatalf("B-15: %d works to the end, want at most %d", works, most)
		}
		p.settledNow()
		// The usual: each keeps to what it knows. Then it is over as soon as everybody has said so (B-5).
		for _, r := range p.records {
			if _, err := p.Claim(r, "user", []board.NewClaim{{Field: "party.name", Value: p.id("edit")}}, p.now); err != nil {
				t.Fatalf("%v", err)
			}
		}
		before := len(p.log)
		if works, most := p.finish(func(app string) string { return app }), 3*len(p.records)*len(apps); works > most {
			t.Fatalf("B-5: %d works to the end of a wave in which nobody changes his mind, want at most %d", works, most)
		}
		said := map[string]bool{}
		for _, c := range p.log[before:] {
			if p.byTime(c) {
				continue
			}
			if key := c.Record + c.Source; c.Kind == board.RecordChanged && c.Source != "user" && said[key] {
				t.Fatalf("B-5: %s told the same of %s twice", c.Source, c.Record)
			} else {
				said[key] = true
			}
		}
		p.settledNow()
	})
}

// byTime reports whether all that a change says came with time: claims of its source were over, or live on because they were made again
// meanwhile, or a candidate that was picked stands in for one.
func (p *players) byTime(c *board.Change) bool {
	for _, f := range c.Fields {
		if own := f.Of(c.Source); own != nil && own.Seq == c.Seq && !own.Candidate {
			return false
		}
	}
	return true
}

// B-16: settled is exact: no work on the record is in flight or due in that moment. Here each app takes all its work at once,
// so what is due is always in flight.
func TestSettledIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := newPlayers(t)
		flying := map[string]map[string]bool{} // record -> apps
		takeAll := func() {
			for app, en := range p.enrichers {
				for _, w := range p.TakeWork(en, 100, p.now) {
					if flying[w.Record.ID] == nil {
						flying[w.Record.ID] = map[string]bool{}
					}
					flying[w.Record.ID][app] = true
					p.flying[app] = append(p.flying[app], w)
				}
			}
		}
		for range 60 {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				pick(t, []func(*rapid.T){p.newCall, p.callChanges, p.personClaims, p.come, p.noteWritten}, "act")(t)
			case 1:
				app, w := p.next(t)
				if w == nil {
					continue
				}
				delete(flying[w.Record.ID], app)
				p.reply(app, w, board.Answer{Claims: p.randomClaims()})
			}
			for app := range p.enrichers { // one that came anew has nothing in flight
				if len(p.flying[app]) == 0 {
					for _, on := range flying {
						delete(on, app)
					}
				}
			}
			for batch := p.Take(); len(batch) > 0; batch = p.Take() {
				for _, c := range batch {
					p.inOrder(c)
					if c.Kind == board.RecordOpened {
						p.records = append(p.records, c.Record)
					}
					if c.Kind == board.RecordSettled && len(flying[c.Record]) > 0 {
						t.Fatalf("B-16: %s settled with works in flight at %v", c.Record, flying[c.Record])
					}
				}
				p.Show(batch, true, p.now)
				takeAll()
			}
			takeAll()
		}
	})
}
