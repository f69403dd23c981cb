package office

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// outside is the phone that plays everybody who is not in the office.
const outside = "outside"

// Flow is one thing that an office does with its telephones.
type Flow struct {
	Name  string        // what files are called
	Story string        // for people
	Desks []string      // desks that are registered; nil: 1001, 1002, 1003
	Setup func(*Office) // made before anybody listens; may be nil
	Act   func(*Office)
	Drops bool // cuts the listener's connection: needs an Ear
}

// Ear is who listens to the PBX while a flow is played, as far as a flow needs to touch it.
type Ear interface {
	Drop()                           // lose the connection
	Reconnect(context.Context) error // and have it back
}

// Office is a lab with its phones while flows are played, one after the other. Make one with Open.
type Office struct {
	lab    *lab.Lab
	phones map[string]*phone.Phone
	ear    Ear

	ctx     context.Context // of the flow that is played
	begin   time.Time
	all     []*Call
	views   []*View
	notes   []string
	streams int
}

// Person is who speaks, as others get to know it.
type Person struct{ Number, Name string }

// The callers from outside.
var (
	bob  = Person{"2025550143", "Bob Caller"}
	dora = Person{"2025550166", "Dora Second"}
	gus  = Person{"2025550177", "Gus Gap"}
)

// Open registers desks at a lab that was started with Options, and takes back what an earlier flow has forwarded. The
// caller closes the office, then stops the lab.
func Open(ctx context.Context, l *lab.Lab, desks []string) (*Office, error) {
	if desks == nil {
		desks = []string{"1001", "1002", "1003"}
	}
	if _, err := l.CLI(ctx, "database deltree CFU"); err != nil {
		return nil, err
	}
	o := &Office{lab: l, phones: map[string]*phone.Phone{}}
	out, err := l.Outside(ctx)
	if err != nil {
		return nil, err
	}
	o.phones[outside] = out
	for _, number := range desks {
		p, err := l.Phone(ctx, number)
		if err != nil {
			o.Close()
			return nil, err
		}
		o.phones[number] = p
	}
	return o, nil
}

// Close ends the phones.
func (o *Office) Close() {
	for _, p := range o.phones {
		p.Close()
	}
}

// broken ends a script: Play turns it into an error. A script has a step that can fail on every line, and nothing to do
// about it.
type broken struct{ err error }

func (o *Office) must(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(broken{err})
	}
}

// Play plays a flow and returns once its calls have ended, for the phones and for the PBX. listen is called when the
// stage is set, and says from when times count; nil: from the first step.
func (o *Office) Play(ctx context.Context, f Flow, listen func() (Ear, time.Time, error)) (truth Truth, err error) {
	o.ctx, o.all, o.views, o.notes, o.streams, o.ear = ctx, nil, nil, nil, 1, nil
	defer func() {
		if r := recover(); r != nil {
			b, ours := r.(broken)
			if !ours {
				panic(r)
			}
			err = fmt.Errorf("office: %s: %w\n%s", f.Name, b.err, o.Log())
		}
	}()
	if f.Setup != nil {
		f.Setup(o)
		o.quiet()
		o.all, o.views = nil, nil
	}
	o.begin = time.Now()
	if listen != nil {
		if o.ear, o.begin, err = listen(); err != nil {
			return Truth{}, err
		}
	}
	f.Act(o)
	for _, c := range o.all {
		c.over()
	}
	o.quiet()
	return o.truth(f), nil
}

// quiet waits until the PBX has no call any more.
func (o *Office) quiet() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := o.lab.CLI(o.ctx, "core show channels count")
		o.must(err)
		if strings.Contains(text, "0 active channels") {
			return
		}
		o.wait(tick.C, "the PBX to have no calls")
	}
}

func (o *Office) wait(c <-chan time.Time, what string) {
	select {
	case <-c:
	case <-o.ctx.Done():
		o.must(fmt.Errorf("waiting for %s: %w", what, context.Cause(o.ctx)))
	}
}

// pass lets people do what they do, ring or talk, for a time.
func (o *Office) pass(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	o.wait(t.C, "time to pass")
}

// How long things last. A talk lasts some whole seconds and 0.4 s, so that its length in seconds is not in doubt.
func (o *Office) ring()      { o.pass(700 * time.Millisecond) }
func (o *Office) talk()      { o.pass(1400 * time.Millisecond) }
func (o *Office) longTalk()  { o.pass(2400 * time.Millisecond) }
func (o *Office) aMoment()   { o.pass(400 * time.Millisecond) }
func (o *Office) hearWords() { o.pass(1200 * time.Millisecond) } // a prompt

func (o *Office) note(text string) { o.notes = append(o.notes, text) }

// drop cuts the listener's connection; reconnect gives it back.
func (o *Office) drop() {
	if o.ear == nil {
		o.must(errors.New("nobody listens whose connection could be cut"))
	}
	o.ear.Drop()
}

func (o *Office) reconnect() {
	o.must(o.ear.Reconnect(o.ctx))
	o.streams++
}

// channel is the newest channel of a desk or "trunk" at the PBX, for what only a manager can do.
func (o *Office) channel(device string) string {
	text, err := o.lab.CLI(o.ctx, "core show channels concise")
	o.must(err)
	found := ""
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, "!")
		if strings.HasPrefix(name, "PJSIP/"+device+"-") && name > found {
			found = name
		}
	}
	if found == "" {
		o.must(fmt.Errorf("%s has no channel:\n%s", device, text))
	}
	return found
}

// Log is what all phones sent and saw since the flow began, in seconds from then.
func (o *Office) Log() string {
	type line struct {
		at   time.Time
		text string
	}
	var all []line
	for _, who := range slices.Sorted(maps.Keys(o.phones)) {
		for _, e := range o.phones[who].Log() {
			if e.At.Before(o.begin) {
				continue
			}
			id := e.Call[:min(6, len(e.Call))]
			text := strings.TrimRight(fmt.Sprintf("%8.3f %-7s %-6s %-4s %-14s %s",
				e.At.Sub(o.begin).Seconds(), who, id, e.Dir, e.What, e.Text), " ")
			all = append(all, line{e.At, text})
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintln(&b, l.text)
	}
	return b.String()
}
