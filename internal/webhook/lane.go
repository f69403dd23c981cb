package webhook

import (
	"cmp"
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"
)

// delays is the schedule of Standard Webhooks: after so long each next attempt.
var delays = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// failsFor is how long a hook may fail before it is disabled.
const failsFor = 5 * 24 * time.Hour

// jitter is how much later than the schedule says an attempt may come, so that not all come at once.
const jitter = 0.1

// delay is the time until the next attempt after so many that failed; false if there is none.
func delay(tries int) (time.Duration, bool) {
	if tries > len(delays) {
		return 0, false
	}
	d := delays[tries-1]
	return d + time.Duration(rand.Float64()*jitter*float64(d)), true
}

// lane is what waits to be told of one record, in order. One at a time is under way; a failure holds the lane up and no other.
type lane struct {
	record string
	queue  []*Delivery
	busy   bool // queue[0] is under way
	place  int  // in the line of lanes; -1: not in it
}

func (l *lane) due() time.Time { return l.queue[0].Due }

// lanes are those of one hook. Those that are not busy stand in line by when they are due.
type lanes struct {
	byRecord map[string]*lane
	line     []*lane
	bytes    int // about what is held
}

func newLanes() *lanes { return &lanes{byRecord: map[string]*lane{}} }

// weigh is about how many bytes a delivery takes, in memory and in the store.
func weigh(d *Delivery) int {
	return 256 + len(d.ID) + len(d.Hook) + len(d.Epoch) + len(d.Kind) + len(d.Record)
}

// add puts a delivery in its lane, by the order of the log. One of its kind that waits there, and only says to look at the
// record again, is superseded by it and given back.
func (ls *lanes) add(d *Delivery) (superseded *Delivery) {
	l := ls.byRecord[d.Record]
	if l == nil {
		l = &lane{record: d.Record, place: -1}
		ls.byRecord[d.Record] = l
	}
	from := 0
	if l.busy {
		from = 1
	}
	if foldable[d.Kind] {
		if i := slices.IndexFunc(l.queue[from:], func(o *Delivery) bool { return o.Kind == d.Kind && o.Seq < d.Seq }); i >= 0 {
			superseded = ls.cut(l, from+i)
			d.Folds += superseded.Folds + 1
			if from+i == 0 && len(l.queue) == 0 {
				d.inherit(superseded)
			}
		}
	}
	at := from
	for at < len(l.queue) && l.queue[at].Seq <= d.Seq {
		at++
	}
	l.queue = slices.Insert(l.queue, at, d)
	ls.bytes += weigh(d)
	ls.stand(l)
	return superseded
}

// inherit takes over where another stood in the schedule.
func (d *Delivery) inherit(from *Delivery) { d.Tries, d.Due = from.Tries, from.Due }

// cut takes a delivery that is not under way out of its lane. If it was the first, the next one waits as long.
func (ls *lanes) cut(l *lane, i int) *Delivery {
	d := l.queue[i]
	l.queue = slices.Delete(l.queue, i, i+1)
	ls.bytes -= weigh(d)
	if i == 0 && len(l.queue) > 0 {
		l.queue[0].inherit(d)
	}
	return d
}

// stand puts a lane in line where it belongs, or takes it out if it is busy or has nothing.
func (ls *lanes) stand(l *lane) {
	want := !l.busy && len(l.queue) > 0
	switch {
	case want && l.place < 0:
		heap.Push(ls, l)
	case want:
		heap.Fix(ls, l.place)
	case l.place >= 0:
		heap.Remove(ls, l.place)
	}
	if len(l.queue) == 0 && !l.busy {
		delete(ls.byRecord, l.record)
	}
}

// begin gives the next delivery that is due; it is under way until end.
func (ls *lanes) begin(now time.Time) *Delivery {
	if len(ls.line) == 0 || ls.line[0].due().After(now) {
		return nil
	}
	l := ls.line[0]
	l.busy = true
	ls.stand(l)
	return l.queue[0]
}

// taken ends a delivery that was taken.
func (ls *lanes) taken(d *Delivery) { ls.end(d, true) }

// end takes a delivery out of its lane that was under way, or leaves it there for the next attempt.
func (ls *lanes) end(d *Delivery, out bool) {
	l := ls.byRecord[d.Record]
	l.busy = false
	if out {
		l.queue = slices.Delete(l.queue, 0, 1)
		ls.bytes -= weigh(d)
	}
	ls.stand(l)
}

// supersede takes a delivery that has failed out of its lane if a newer one of its kind waits there, which then stands for it
// too. The lane waits as long as it would have.
func (ls *lanes) supersede(d *Delivery) (by *Delivery) {
	l := ls.byRecord[d.Record]
	if !foldable[d.Kind] {
		return nil
	}
	i := slices.IndexFunc(l.queue[1:], func(o *Delivery) bool { return o.Kind == d.Kind && o.Seq > d.Seq })
	if i < 0 {
		return nil
	}
	by = l.queue[1+i]
	by.Folds += d.Folds + 1
	l.busy = false
	ls.cut(l, 0)
	ls.stand(l)
	return by
}

// clear drops all that waits and is not under way.
func (ls *lanes) clear() (dropped []*Delivery) {
	for _, l := range ls.byRecord {
		from := 0
		if l.busy {
			from = 1
		}
		for _, d := range l.queue[from:] {
			ls.bytes -= weigh(d)
			dropped = append(dropped, d)
		}
		l.queue = l.queue[:from:from]
		ls.stand(l)
	}
	slices.SortFunc(dropped, func(a, b *Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	return dropped
}

// next is when the first lane is due.
func (ls *lanes) next() (time.Time, bool) {
	if len(ls.line) == 0 {
		return time.Time{}, false
	}
	return ls.line[0].due(), true
}

// Len, Less, Swap, Push and Pop are those of a heap.
func (ls *lanes) Len() int { return len(ls.line) }

func (ls *lanes) Less(i, j int) bool {
	a, b := ls.line[i], ls.line[j]
	if c := a.due().Compare(b.due()); c != 0 {
		return c < 0
	}
	return a.queue[0].Seq < b.queue[0].Seq
}

func (ls *lanes) Swap(i, j int) {
	ls.line[i], ls.line[j] = ls.line[j], ls.line[i]
	ls.line[i].place, ls.line[j].place = i, j
}

func (ls *lanes) Push(x any) {
	l := x.(*lane)
	l.place = len(ls.line)
	ls.line = append(ls.line, l)
}

func (ls *lanes) Pop() any {
	l := ls.line[len(ls.line)-1]
	ls.line = ls.line[:len(ls.line)-1]
	l.place = -1
	return l
}
