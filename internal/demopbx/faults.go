package demopbx

import (
	"bytes"
	"slices"
	"strconv"
	"time"
)

// Faults are what goes wrong on one connection. The zero value is a good connection. Counts of bytes are of what the PBX
// sends, from the greeting on.
type Faults struct {
	Chunk int // packets of at most so many bytes; 1: every byte alone
	Split int // two packets: the first has so many bytes, however much there was to send

	StallAfter int           // after so many bytes nothing is sent, and nothing read; the connection stays open…
	StallFor   time.Duration // …for so long, in our time; 0: for ever

	ResetAfter int // after so many bytes the connection is reset (RST), wherever in a message that is
	CloseAfter int // the same, closed cleanly (FIN)

	DripAfter int           // after so many bytes only meaningless ones are sent, one at a time: nothing is answered…
	DripEvery time.Duration // …one in so long, in our time

	RepeatLists  bool // every list answer comes twice
	ReverseLists bool // the items of a list come in the opposite order
	Miscount     int  // is added to ListItems

	Garbage  []byte // is sent, as it is, before every event
	LongLine int    // before the first event comes one with a line of so many bytes
	DeafPing bool   // Ping is not answered
}

// SetFaults gives the next connections their faults, in order; those after them are good again.
func (p *PBX) SetFaults(next ...Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = slices.Clone(next)
}

// faultsOfNext is called with p.mu held.
func (p *PBX) faultsOfNext() Faults {
	if len(p.faults) == 0 {
		return Faults{}
	}
	f := p.faults[0]
	p.faults = p.faults[1:]
	return f
}

// distort makes a list answer wrong. Other answers stay as they are.
func (f Faults) distort(m message) message {
	if !f.RepeatLists && !f.ReverseLists && f.Miscount == 0 || !bytes.Contains(m, []byte("\r\nEventList: start\r\n")) {
		return m
	}
	parts := bytes.SplitAfter(m, []byte("\r\n\r\n"))
	parts = slices.DeleteFunc(parts, func(p []byte) bool { return len(p) == 0 })
	if len(parts) > 2 && f.ReverseLists {
		slices.Reverse(parts[1 : len(parts)-1])
	}
	all := bytes.Join(parts, nil)
	if f.Miscount != 0 {
		all = miscounted(all, f.Miscount)
	}
	if f.RepeatLists {
		all = append(slices.Clip(all), all...)
	}
	return all
}

func miscounted(m []byte, by int) []byte {
	const header = "\r\nListItems: "
	i := bytes.LastIndex(m, []byte(header))
	if i < 0 {
		return m
	}
	i += len(header)
	n := bytes.IndexByte(m[i:], '\r')
	count, err := strconv.Atoi(string(m[i : i+n]))
	if err != nil {
		return m
	}
	return slices.Concat(m[:i], []byte(strconv.Itoa(count+by)), m[i+n:])
}

// spoiled is an event with what goes wrong before it. It is called with session.mu held.
func (s *session) spoiled(event []byte) []byte {
	if s.faults.LongLine == 0 && len(s.faults.Garbage) == 0 {
		return event
	}
	var before []byte
	if s.faults.LongLine > 0 && !s.longSent {
		before = slices.Concat([]byte("Event: UserEvent\r\nPrivilege: user,all\r\nText: "), bytes.Repeat([]byte{'x'}, s.faults.LongLine), []byte("\r\n\r\n"))
		s.longSent = true
	}
	return slices.Concat(before, s.faults.Garbage, event)
}

// limit is how many of n bytes may go into the next packet, and false when the connection must not go on as before: then
// fail decides. It is used by the writing goroutine only.
func (s *session) limit(n int) (int, bool) {
	f := s.faults
	n = min(n, writeSize)
	if chunk := int(s.pbx.chunk.Load()); chunk > 0 {
		n = min(n, chunk)
	}
	if f.Chunk > 0 {
		n = min(n, f.Chunk)
	}
	for _, at := range []int{f.Split, f.StallAfter, f.ResetAfter, f.CloseAfter, f.DripAfter} {
		if at > s.sent {
			n = min(n, at-s.sent)
		}
	}
	reached := func(at int) bool { return at > 0 && s.sent >= at }
	return n, !(reached(f.StallAfter) && !s.over || reached(f.ResetAfter) || reached(f.CloseAfter) || reached(f.DripAfter))
}

// fail does what is to go wrong. It is false when the connection is gone.
func (s *session) fail() bool {
	f := s.faults
	reached := func(at int) bool { return at > 0 && s.sent >= at }
	switch {
	case reached(f.ResetAfter):
		s.kill(true)
		return false
	case reached(f.CloseAfter):
		s.kill(false)
		return false
	case reached(f.DripAfter):
		return s.drip()
	}
	s.stalled.shut(true)
	if f.StallFor == 0 {
		<-s.dead
		return false
	}
	if !s.sleep(f.StallFor) {
		return false
	}
	s.over = true
	s.stalled.shut(false)
	return true
}

// drip sends one meaningless byte after another until the client gives up.
func (s *session) drip() bool {
	for s.sleep(s.faults.DripEvery) {
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.pbx.options.WriteTimeout))
		if _, err := s.conn.Write([]byte{'x'}); err != nil {
			return false
		}
	}
	return false
}

// sleep is false when the connection ended first.
func (s *session) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.dead:
		return false
	}
}
