package board_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// judge is a tester that ends a play with what was wrong, so that a test may want it to go wrong.
type judge struct{}

type verdict string

func (judge) Helper()                           {}
func (judge) Fatalf(format string, args ...any) { panic(verdict(fmt.Sprintf(format, args...))) }
func (judge) Errorf(format string, args ...any) { panic(verdict(fmt.Sprintf(format, args...))) }

// judged plays and returns what was wrong, empty if nothing.
func judged(play func()) (wrong string) {
	defer func() {
		if v, ok := recover().(verdict); ok {
			wrong = string(v)
		} else if r := recover(); r != nil {
			panic(r)
		}
	}()
	play()
	return ""
}

// manner is how an app behaves.
type manner string

const (
	steady  manner = "steady"  // always says what it knows
	mirror  manner = "mirror"  // says something that follows from its inputs
	random  manner = "random"  // says anything
	counter manner = "counter" // says something new each time
	flapper manner = "flapper" // says one thing, then another, then the first
	silent  manner = "silent"  // never answers
	late    manner = "late"    // answers when nobody waits any more
	crasher manner = "crasher" // goes away with its work, and comes back
	chatter manner = "chatter" // writes outside any work, whenever it hears of something
	blank   manner = "blank"   // finds nothing
	brief   manner = "brief"   // claims what soon expires
)

var manners = []manner{steady, mirror, random, counter, flapper, silent, late, crasher, chatter, blank, brief}

// player is an app in a play.
type player struct {
	name   string
	manner manner
	reg    board.Registration
	en     *board.Enricher
	gives  []string
	held   []*board.Work // taken and not answered
	turn   int
	works  int // in this wave
	read   int // how much of the log it has heard
}

// play is a board with apps of all manners on it.
type play struct {
	*stage
	rt      *rapid.T
	players []*player
	record  string
	only    string            // the one rule that is looked at; empty: all
	before  map[string]string // claims of the record by field and source, as they were
}

var playFields = []string{"party.name", "party.company", "party.email"}

func newPlay(rt *rapid.T, off string, manners []manner) *play {
	p := &play{stage: newStage(judge{}, func(o *board.Options) {
		o.Authority = map[string][]string{"party.email": {"app2"}}
		o.Order = []string{"app1"}
	}), rt: rt, before: map[string]string{}}
	p.SwitchOff(off)
	for i, m := range manners {
		pl := &player{name: fmt.Sprint("app", i), manner: m}
		own := "x." + pl.name + ".n"
		pl.gives = append(rapid.SliceOfNDistinct(rapid.SampledFrom(playFields), 1, 3, rapid.ID[string]).Draw(rt, "gives"), own)
		needs := append(slices.Clone(playFields), "party.number", "notes", "x.*")
		pl.reg = board.Registration{Gives: pl.gives, Needs: rapid.SliceOfNDistinct(rapid.SampledFrom(needs), 3, 6, rapid.ID[string]).Draw(rt, "needs")}
		if rapid.IntRange(0, 4).Draw(rt, "changed") == 0 {
			pl.reg.On = []board.Moment{board.Changed}
		}
		p.players = append(p.players, pl)
	}
	return p
}

// commit shows what is pending, and holds that no change is a no-op (B-5).
func (p *play) commit() {
	for _, c := range p.show() {
		if c.Kind != board.RecordChanged || c.Nothing != nil || p.only != "" {
			continue
		}
		same := len(c.Fields) > 0
		for name, f := range c.Fields {
			said := ""
			if f != nil {
				said = fmt.Sprintln(f.Pin, f.Hidden)
				for _, claim := range f.Claims {
					said += fmt.Sprintln(claim.Source, strings.ToLower(strings.TrimSpace(claim.Value)), claim.Quality, claim.Candidate, claim.Expires)
				}
			}
			if p.before[name] != said {
				same = false
			}
			p.before[name] = said
		}
		if same && c.Source != "user" {
			p.t.Fatalf("B-5: change %d of %v by %s changes nothing", c.Seq, c.Shown, c.Source)
		}
	}
}

// says is what an app says of its fields, for a work or for what it has heard.
func (p *play) says(pl *player, r *board.Record) []board.NewClaim {
	var claims []board.NewClaim
	pl.turn++
	for _, field := range pl.gives {
		c := board.NewClaim{Field: field, Quality: board.Matched}
		switch pl.manner {
		case mirror:
			sum := 0
			for _, other := range playFields {
				sum += len(r.Value(other))
			}
			c.Value = fmt.Sprint(pl.name, sum%3)
		case random:
			c.Value = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(p.rt, "value")
			c.Quality = rapid.SampledFrom([]board.Quality{board.Guess, board.Matched, board.Verified}).Draw(p.rt, "quality")
		case counter, chatter, crasher, late:
			c.Value = fmt.Sprint(pl.name, "-", pl.turn)
		case flapper:
			c.Value = fmt.Sprint(pl.name, pl.turn%2)
		case brief:
			c.Value, c.TTL = fmt.Sprint(pl.name, pl.turn%2), time.Second
		default:
			c.Value = pl.name
		}
		claims = append(claims, c)
	}
	return claims
}

// reply answers a work as is the app's manner.
func (p *play) reply(pl *player, w *board.Work) {
	a := board.Answer{NothingFound: pl.manner == blank}
	if !a.NothingFound {
		a.Claims = p.says(pl, w.Record)
	}
	if _, err := p.Answer(pl.name, w.ID, a, p.now); err != nil {
		p.refused(err)
	}
}

func (p *play) refused(err error) {
	e, ok := errors.AsType[*telephony.Error](err)
	if !ok || !slices.Contains([]telephony.Code{board.CodeSuspended, board.CodeQuarantined, telephony.CodeWorkUnknown}, e.Code) {
		p.t.Fatalf("refused: %v", err)
	}
	if e.Code == board.CodeSuspended && e.Remedy == "" {
		p.t.Fatalf("B-15: %v does not say what clears it", err)
	}
}

// act lets an app do what it does; it reports whether it did anything.
func (p *play) act(pl *player) bool {
	works := p.TakeWork(pl.en, 5, p.now)
	pl.works += len(works)
	for _, w := range works {
		if w.Round >= 8 && p.only == "" {
			p.t.Fatalf("B-15: work of round %d", w.Round)
		}
		switch pl.manner {
		case silent, late, crasher:
			pl.held = append(pl.held, w)
		case chatter: // what it says, it says outside
			if _, err := p.Answer(pl.name, w.ID, board.Answer{}, p.now); err != nil {
				p.refused(err)
			}
		default:
			p.reply(pl, w)
		}
	}
	return p.aside(pl) || len(works) > 0
}

// aside is what an app does beside answering.
func (p *play) aside(pl *player) bool {
	switch pl.manner {
	case late:
		done := false
		for _, w := range pl.held {
			if p.now.After(w.Deadline) {
				p.reply(pl, w)
				done = true
			}
		}
		pl.held = slices.DeleteFunc(pl.held, func(w *board.Work) bool { return p.now.After(w.Deadline) })
		return done
	case crasher:
		if len(pl.held) == 0 || pl.turn > 6 {
			return false
		}
		w := pl.held[0]
		pl.held = nil
		p.Unregister(pl.en, p.now)
		p.reply(pl, w)
		pl.en = p.Register(pl.name, pl.reg, p.now)
		return true
	case chatter:
		return p.chat(pl)
	}
	return false
}

// chat writes in answer to what an app has heard of others.
func (p *play) chat(pl *player) bool {
	news := slices.ContainsFunc(p.log[pl.read:], func(c *board.Change) bool {
		return c.Record == p.record && c.Source != pl.name && c.Kind != board.RecordSettled
	})
	pl.read = len(p.log)
	if !news {
		return false
	}
	w, err := p.Claim(p.record, pl.name, p.says(pl, p.Get(p.record)), p.now)
	if err != nil {
		p.refused(err)
	}
	return w.Changed > 0
}

// quiet lets the apps act until none does any more. It must come to that (B-17).
func (p *play) quiet() {
	p.commit()
	for turn := 0; ; turn++ {
		if turn > 150 {
			p.t.Fatalf("B-17: the wave does not end")
		}
		acted := false
		for _, pl := range rapid.Permutation(p.players).Draw(p.rt, "order") {
			acted = p.act(pl) || acted
			if rapid.IntRange(0, 2).Draw(p.rt, "commit") > 0 {
				p.commit()
			}
		}
		p.commit()
		if acted {
			p.sleep(100 * time.Millisecond)
			continue
		}
		p.sleep(6 * time.Second) // what nobody answers runs into its deadline, what is brief expires
		p.commit()
		if !p.busy() {
			break
		}
	}
	if p.only == "" {
		p.over()
	}
}

// busy reports whether an app could still do something.
func (p *play) busy() bool {
	for _, pl := range p.players {
		if pl.manner == late && len(pl.held) > 0 || pl.manner == crasher && len(pl.held) > 0 && pl.turn <= 6 {
			return true
		}
		select {
		case <-pl.en.Woken():
			return true
		default:
		}
	}
	return false
}

// over holds what is true when a wave is over.
func (p *play) over() {
	for _, pl := range p.players {
		if works := p.TakeWork(pl.en, 10, p.now); len(works) > 0 {
			p.t.Fatalf("B-16: %s has work in the quiet", pl.name)
		}
	}
	last := -1
	for i, c := range p.log {
		if c.Record == p.record && c.Kind == board.RecordSettled {
			last = i
		}
	}
	if last < 0 {
		p.t.Fatalf("B-16: %s never settled", p.record)
	}
	writes := map[string]int{} // by wave and source
	for _, c := range p.log {
		if strings.HasPrefix(c.Source, "app") && c.Kind == board.RecordChanged && c.Nothing == nil {
			writes[fmt.Sprint(c.Wave, c.Source)]++
		}
	}
	for who, n := range writes {
		if n > 24+3 { // what it claims can expire as well
			p.t.Fatalf("B-15: %d writes in one wave by %s", n, who)
		}
	}
	p.frugal()
	p.explained()
}

// frugal holds that no app has said more than three things of one field in one wave (B-15); to be frozen at one of them is
// no other. What expires goes on in the wave in which it was claimed, on the fuel of the newest.
func (p *play) frugal() {
	if slices.ContainsFunc(p.players, func(pl *player) bool { return pl.manner == brief }) {
		return
	}
	held, things := map[string]string{}, map[string][]string{}
	for _, c := range p.log {
		for name, f := range c.Fields {
			value := ""
			if claim := f.Of(c.Source); claim != nil {
				value = claim.Value
			}
			slot := fmt.Sprintln(c.Source, name)
			wave := fmt.Sprintln(slot, c.Wave)
			if strings.HasPrefix(c.Source, "app") && value != "" && held[slot] != value && !slices.Contains(things[wave], value) {
				if things[wave] = append(things[wave], value); len(things[wave]) > 3 {
					p.t.Fatalf("B-15: %s has said %q of %s in wave %d", c.Source, things[wave], name, c.Wave)
				}
			}
			held[slot] = value
		}
	}
}

// explained holds that every claim is there because of a change in the log, and that because of another, back to a
// stimulus: the PBX, a person, an app that came or that wrote by itself.
func (p *play) explained() {
	r := p.Get(p.record)
	for name, f := range r.Fields {
		for _, c := range f.Claims {
			made := p.log[c.Seq-1]
			then := made.Fields[name]
			if made.Opened != nil {
				then = made.Opened.Fields[name]
			}
			if held := then.Of(c.Source); held == nil || held.Value != c.Value || made.Source != c.Source || made.Record != p.record {
				p.t.Fatalf("%s=%q by %s is not what change %d says: %+v", name, c.Value, c.Source, c.Seq, made)
			}
			p.chain(made)
		}
	}
}

func (p *play) chain(c *board.Change) {
	for c.Cause != 0 {
		cause := p.log[c.Cause-1]
		if cause.Kind == board.AppRegistered {
			return
		}
		if c.Cause >= c.Seq || cause.Record != p.record {
			p.t.Fatalf("change %d is said to follow from %d, %s", c.Seq, c.Cause, cause.Kind)
		}
		if cause.Wave != c.Wave || cause.Round+1 != c.Round {
			p.t.Fatalf("B-11: change %d of wave %d round %d follows from %d of wave %d round %d", c.Seq, c.Wave, c.Round, cause.Seq, cause.Wave, cause.Round)
		}
		c = cause
	}
	if strings.HasPrefix(c.Source, "app") && !c.Own {
		p.t.Fatalf("B-11: change %d of %s, wave %d round %d, follows from nothing", c.Seq, c.Source, c.Wave, c.Round)
	}
}

// perform is a whole play: a call, apps, and a few stimuli, each of which must come to its end. A rule is off, and all are
// looked at, or only one.
func perform(rt *rapid.T, off string, manners []manner, only string) string {
	return judged(func() {
		p := newPlay(rt, off, manners)
		p.only = only
		p.record = p.ring("c1", number)
		p.commit()
		for _, pl := range p.players {
			pl.en = p.Register(pl.name, pl.reg, p.now)
		}
		p.quiet()
		for range rapid.IntRange(1, 3).Draw(rt, "stimuli") {
			switch rapid.IntRange(0, 3).Draw(rt, "stimulus") {
			case 0:
				p.pbx("c1", telephony.CallUpdated, telephony.Ringing, rapid.SampledFrom([]string{number, "+4511111111"}).Draw(rt, "number"))
			case 1:
				p.claim(p.record, "user", "party.name", rapid.SampledFrom([]string{"", "U", "V"}).Draw(rt, "typed"))
			case 2:
				if _, err := p.Pin(p.record, "party.company", rapid.SampledFrom([]string{"", "app0", "app1"}).Draw(rt, "pinned"), p.now); err != nil {
					p.t.Fatalf("%v", err)
				}
			case 3:
				p.sleep(90 * time.Second) // what is written now follows from nothing
				p.commit()
				for _, pl := range p.players {
					if _, err := p.Claim(p.record, pl.name, p.says(pl, p.Get(p.record)), p.now); err != nil {
						p.refused(err)
					}
				}
			}
			p.quiet()
		}
	})
}

func someManners(rt *rapid.T) []manner {
	return rapid.SliceOfN(rapid.SampledFrom(manners), 2, 5).Draw(rt, "manners")
}

// B-17: whatever the apps do - random, adversarial, crashing - every wave ends; and then everything that is shown is
// explained (B-11), no change was a no-op (B-5), nobody had more fuel than is his (B-15), and it is settled (B-16).
func TestWavesEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		if wrong := perform(rt, "", someManners(rt), ""); wrong != "" {
			rt.Fatalf("%s", wrong)
		}
	})
}

// B-17, mutated: with a rule switched off, the same test finds that it is.
func TestWavesNeedTheRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ off, only string }{{"B-5", ""}, {"B-11", ""}, {"B-15", ""}, {"B-11", "B-17"}, {"B-15", "B-17"}} {
		t.Run(test.off+" "+test.only, func(t *testing.T) {
			t.Parallel()
			plays := rapid.Custom(func(rt *rapid.T) string { return perform(rt, test.off, someManners(rt), test.only) })
			for seed := range 200 {
				if wrong := plays.Example(seed); wrong != "" {
					if !strings.HasPrefix(wrong, test.only) {
						t.Errorf("play %d: %s", seed, wrong)
					}
					return
				}
			}
			t.Errorf("200 plays without %s: nothing was found", test.off)
		})
	}
}
