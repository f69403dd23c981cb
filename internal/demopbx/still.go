package demopbx

import "time"

// Still holds the PBX while check runs: nothing happens at it meanwhile, and no action is answered. check is told the
// Uniqueids of the channels that live, and the Timestamp of an event that went out last: a client that has read that one has
// read everything. at is zero when there is no channel. check must not call the PBX.
func (p *PBX) Still(check func(live []string, at time.Time)) {
	x := p.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(p.clock.now())
	var live []string
	for _, ch := range x.channels {
		live = append(live, ch.uniqueid)
	}
	if len(live) == 0 {
		check(nil, time.Time{})
		return
	}
	x.at = x.at.Add(time.Millisecond) // stands out among Timestamps a microsecond apart
	x.emitChannel("NewConnectedLine", x.channels[0])
	check(live, x.at)
}
