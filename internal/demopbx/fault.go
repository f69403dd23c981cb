package demopbx

import "context"

// DropConnections ends every session from the PBX's side: with a reset (RST, as after a crash or by a firewall), or
// cleanly (FIN). Calls go on, and clients may connect again at once.
func (p *PBX) DropConnections(reset bool) { p.drop(reset) }

func (p *PBX) drop(reset bool) {
	for _, s := range p.all() {
		s.kill(reset)
	}
}

func (p *PBX) all() []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*session, 0, len(p.sessions))
	for s := range p.sessions {
		list = append(list, s)
	}
	return list
}

// Stall makes the PBX hang: connections stay open and are accepted, but nothing is answered or sent until it is switched
// off. Calls go on; their events wait, up to the queue limit of each session.
func (p *PBX) Stall(on bool) { p.stall.shut(on) }

// WriteChunk splits everything sent from now on into packets of at most n bytes. 0 ends that.
func (p *PBX) WriteChunk(n int) { p.chunk.Store(int64(max(n, 0))) }

// RefuseLogin makes every login fail with "Authentication failed", whatever its password.
func (p *PBX) RefuseLogin(on bool) { p.refuse.Store(on) }

// Restart is a crash and a new start: connections end without a word, every channel is forgotten without a Hangup, Uptime
// and the numbers of channels and Uniqueids begin again. Players return ErrRestarted. The port stays open.
func (p *PBX) Restart() {
	p.exchange.restart()
	p.drop(false)
	p.changed.fire()
}

// Inject sends raw bytes, as they are, to every session that is logged in. They stand in line with the events.
func (p *PBX) Inject(raw []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sessions {
		if s.loggedIn.Load() {
			s.queueEvent(raw)
		}
	}
}

// Sessions is how many clients are logged in.
func (p *PBX) Sessions() int {
	n := 0
	for _, s := range p.all() {
		if s.present() {
			n++
		}
	}
	return n
}

// WaitSessions blocks until at least n clients are logged in. The error is ctx's, or ErrClosed.
func (p *PBX) WaitSessions(ctx context.Context, n int) error {
	for {
		changed := p.changed.wait()
		if p.Sessions() >= n {
			return nil
		}
		select {
		case <-changed:
		case <-p.closed:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Counters are totals since New, over all sessions.
type Counters struct {
	BytesIn, BytesOut       int64 // of AMI, TLS not counted
	MessagesIn, MessagesOut int64 // MessagesOut: queued answers and events; one that a lost session never took counts too
	Cut                     int64 // sessions ended because they read too slowly
}

// Counters returns the totals so far.
func (p *PBX) Counters() Counters {
	return Counters{p.bytesIn.Load(), p.bytesOut.Load(), p.messagesIn.Load(), p.messagesOut.Load(), p.cut.Load()}
}
