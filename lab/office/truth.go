package office

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/lab/phone"
)

// Truth is what a right tracker concludes of a flow.
type Truth struct {
	Name, Story string
	Begin       time.Time
	Streams     int // connections of the listener
	Notes       []string
	Viewpoints  []Viewpoint
}

// Viewpoint is what one desk would say.
type Viewpoint struct {
	Extension string
	Calls     []*View // in the order they began
}

// View is a call as one desk saw it. What the phones cannot know, the script says.
type View struct {
	ID              string
	Direction       string
	DirectionAlso   []string // other readings that are not wrong
	Other           Person   // who is at the other end
	NumberAlso      []string
	NameAlso        []string
	NamePrefix      int // so many first characters of the name must agree
	Final           Person
	Timeline        []Moment
	Disposition     string
	DispositionAlso []string
	EndedBy         string
	EndedByAlso     []string
	Talk            time.Duration
	TalkTolerance   int // seconds
	Recorded        bool
	Monitored       bool
	Encrypted       bool
	Role            string // caller or callee, of an internal call
	Dialed          string
	Optional        bool // not wrong if not listed
	Facts           []Fact

	call  *Call
	talks time.Time // when the talk began, if that is not when this phone was answered
	never bool      // it was never connected to anybody, though the phone was answered
	ends  time.Time // when it ended, if that is not when this phone's call did
	said  []Moment  // by the script
}

// Moment is one entry of a timeline.
type Moment struct {
	State    string
	At       time.Time
	Optional bool
	Detail   string
}

// Fact is something else that is to be said of a call, such as transferred_to.
type Fact struct {
	Key   string
	Value any // a string, true, a number of seconds, or a list of strings
}

func (o *Office) watch(c *Call, v View) *View {
	v.call = c
	v.Encrypted = c.at == "1006"
	o.views = append(o.views, &v)
	return &v
}

// fact adds something to be said.
func (v *View) fact(key string, value any) *View {
	v.Facts = append(v.Facts, Fact{key, value})
	return v
}

// now adds an entry to the timeline.
func (v *View) now(state, detail string) *View {
	v.said = append(v.said, Moment{State: state, At: time.Now(), Detail: detail})
	return v
}

// maybeNow adds an entry that a tracker may leave out.
func (v *View) maybeNow(state, detail string) *View {
	v.said = append(v.said, Moment{State: state, At: time.Now(), Optional: true, Detail: detail})
	return v
}

// transfers says that this desk hands the other end on, now.
func (v *View) transfers(kind, to string, also ...string) {
	v.now("transferred", kind+" to "+to).fact("transferred_to", to).fact("transfer_type", kind)
	if len(also) > 0 {
		v.fact("transferred_to_also_ok", also)
	}
	v.EndedBy = "self" // by handing it on, whoever sent the last message
}

// becomes says that the other end is somebody else from now on. While it only rings a tracker need not say when.
func (v *View) becomes(p Person) {
	detail := "other party is now " + p.Number
	if v.call.noted("answered").IsZero() {
		v.maybeNow("transferred", detail)
	} else {
		v.now("transferred", detail)
	}
	v.Final = p
}

// truth takes the phones' logs and says what is to be said.
func (o *Office) truth(f Flow) Truth {
	t := Truth{Name: f.Name, Story: f.Story, Begin: o.begin, Streams: o.streams, Notes: o.notes}
	for _, v := range o.views {
		v.finish()
		i := slices.IndexFunc(t.Viewpoints, func(p Viewpoint) bool { return p.Extension == v.call.at })
		if i < 0 {
			i = len(t.Viewpoints)
			t.Viewpoints = append(t.Viewpoints, Viewpoint{Extension: v.call.at})
		}
		p := &t.Viewpoints[i]
		v.ID = string(rune('A' + len(p.Calls)))
		p.Calls = append(p.Calls, v)
	}
	slices.SortFunc(t.Viewpoints, func(a, b Viewpoint) int { return cmp.Compare(a.Extension, b.Extension) })
	return t
}

// talksFrom says that a call is connected only from another phone's answer on.
func (v *View) talksFrom(far *Call) { v.talks = far.noted("answered") }

// neverTalked says how a call came out that was answered by this phone and by nobody else.
func (v *View) neverTalked(disposition, by string) {
	v.never, v.Disposition, v.EndedBy = true, disposition, by
}

// untilEndOf says that a call lasted, for this desk's record, until another one ended.
func (v *View) untilEndOf(c *Call) {
	e := c.over()
	v.ends = e.At
	if e.By == phone.Self {
		v.EndedBy = "other"
	}
}

func (v *View) finish() {
	c := v.call
	if c.sip == nil { // the desk's phone had no part in it
		v.Timeline = append(v.said, Moment{State: "disconnected", At: v.said[len(v.said)-1].At})
		return
	}
	end := c.over()
	if !v.ends.IsZero() {
		end.At = v.ends
	}
	connected := c.noted("answered")
	if !v.talks.IsZero() {
		connected = v.talks
	}
	v.Timeline = append(v.Timeline, v.ringing()...)
	if v.never {
		connected = time.Time{}
	}
	if !connected.IsZero() {
		v.Timeline = append(v.Timeline, Moment{State: "connected", At: connected})
		v.Talk = end.At.Sub(connected)
	}
	for _, e := range c.phone.Log() {
		if e.Call == c.sip.ID && e.Dir == phone.Note && (e.What == "held" || e.What == "resumed") {
			v.Timeline = append(v.Timeline, Moment{State: e.What, At: e.At, Detail: "by self"})
		}
	}
	v.Timeline = append(v.Timeline, v.said...)
	slices.SortStableFunc(v.Timeline, func(a, b Moment) int { return a.At.Compare(b.At) })
	v.Timeline = append(v.Timeline, Moment{State: "disconnected", At: end.At})
	disposition, by := c.outcome(end, !connected.IsZero())
	v.Disposition, v.EndedBy = cmp.Or(v.Disposition, disposition), cmp.Or(v.EndedBy, by)
	switch {
	case v.Disposition == "cancelled" && c.from != nil && v.DispositionAlso == nil:
		v.DispositionAlso = []string{"missed"} // so a called user may read it
	case v.Disposition == "answered-elsewhere" && !v.has("answered_by") && c.from != nil && c.from.far != nil:
		v.fact("answered_by", c.from.far.at)
	}
}

func (v *View) has(key string) bool {
	return slices.ContainsFunc(v.Facts, func(f Fact) bool { return f.Key == key })
}

// unheardFor is how long a phone may ring without the PBX having read its 180: a PBX that takes its ring back at once has sent CANCEL before.
const unheardFor = 20 * time.Millisecond

// ringing is when this phone rang, or heard the other one ring.
func (v *View) ringing() []Moment {
	c := v.call
	for _, e := range c.phone.Log() {
		if e.Call == c.sip.ID && e.Dir == phone.Note && e.What == "ringing" {
			early := strings.HasPrefix(e.Text, "183")
			unheard := c.over().At.Sub(e.At) < unheardFor
			return []Moment{{State: "ringing", At: e.At, Optional: early || unheard}}
		}
	}
	if at := c.noted("incoming"); !at.IsZero() {
		return []Moment{{State: "ringing", At: at, Optional: true, Detail: "no 180 was sent"}}
	}
	return nil
}

// outcome is how a call came out and who ended it, by the two phones.
func (c *Call) outcome(e phone.End, answered bool) (disposition, by string) {
	far := phone.Other
	if c.far != nil {
		far = c.far.over().By
	}
	by = "pbx"
	switch {
	case e.By == phone.Self:
		by = "self"
	case e.By == phone.Failure:
		by = "failure"
	case far == phone.Self:
		by = "other"
	}
	switch {
	case answered:
		return "answered", by
	case strings.Contains(e.Reason, "Call completed elsewhere"):
		return "answered-elsewhere", "pbx"
	case e.How == "CANCEL" && by != "pbx":
		return "cancelled", by
	}
	switch e.Code {
	case 486, 600:
		return "busy", by
	case 603, 403:
		return "rejected", by
	case 302:
		return "forwarded", by
	case 404, 503:
		return "failed", "failure"
	}
	return "missed", by
}
