package board

import (
	"container/heap"
	"time"
)

// agenda says which records are to be looked at next, so that time passes at the cost of those alone. An entry is in it once,
// at the earliest time at which something may be up; when it turns out that nothing is, it goes back for later.
type agenda []*entry

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due.Before(a[j].due) }

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].place, a[j].place = i+1, j+1
}

func (a *agenda) Push(e any) {
	*a = append(*a, e.(*entry))
	e.(*entry).place = len(*a)
}

func (a *agenda) Pop() any {
	old := *a
	e := old[len(old)-1]
	old[len(old)-1], e.place = nil, 0
	*a = old[:len(old)-1]
	return e
}

// put makes sure that an entry is looked at by then.
func (a *agenda) put(e *entry, due time.Time) {
	switch {
	case e.place == 0:
		e.due = due
		heap.Push(a, e)
	case due.Before(e.due):
		e.due = due
		heap.Fix(a, e.place-1)
	}
}

// take hands out the entries whose time has come.
func (a *agenda) take(at time.Time) (due []*entry) {
	for len(*a) > 0 && !at.Before((*a)[0].due) {
		due = append(due, heap.Pop(a).(*entry))
	}
	return due
}

func (a *agenda) drop(e *entry) {
	if e.place > 0 {
		heap.Remove(a, e.place-1)
	}
}

// plan puts a record on the agenda for what is up with it next: that something on it expires, that it is closed, or that it
// may be packed. Nothing is: it is packed, closed, and keeps nothing that expires.
func (b *Board) plan(e *entry) {
	if !e.wakes.IsZero() {
		b.agenda.put(e, e.wakes)
	}
	if end, ends := b.lifeEnd(e.now); ends {
		b.agenda.put(e, end)
	}
	if e.rest == "" {
		b.agenda.put(e, e.touched.Add(restAfter))
	}
}

// planAgain is plan for one that was looked at. What could not be packed yet may be in a while.
func (b *Board) planAgain(e *entry, at time.Time) {
	b.plan(e)
	if e.place > 0 && !at.Before(e.due) {
		e.due = at.Add(time.Second)
		heap.Fix(&b.agenda, e.place-1)
	}
}
