package board

// Stats are what is going on, and what the log does not tell of what went on. Unlike Footprint they cost nothing to ask for.
type Stats struct {
	InFlight int // works that are waited for
	Due      int // works that nobody has taken yet
	Changes  int // that are held in memory

	Spent     int // writes of apps that burnt fuel, since the start (B-15)
	Suspended int // times that an app ran out of it on a field, once for each wave
	Refused   int // writes that were refused for want of it
}

// Stats tell how the board is.
func (b *Board) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.counts
	s.InFlight, s.Changes = len(b.crew.flying), len(b.journal.log)
	for _, en := range b.crew.ordered {
		s.Due += len(en.due)
	}
	return s
}
