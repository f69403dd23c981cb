package phone

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// handle sets what happens with requests. The stack calls a handler in a goroutine of its own for every
// request, and ends the transaction when the handler returns without a final answer.
func (p *Phone) handle(server *sipgo.Server) {
	within := func(f func(c *Call, req *sip.Request, tx sip.ServerTransaction)) sipgo.RequestHandler {
		return p.guard(func(req *sip.Request, tx sip.ServerTransaction) {
			if c := p.callOf(req); c != nil {
				f(c, req, tx)
				return
			}
			p.answer(tx, req, sip.StatusCallTransactionDoesNotExists)
		})
	}
	server.OnInvite(p.guard(p.onInvite))
	server.OnAck(p.guard(p.onAck))
	server.OnBye(within((*Call).onBye))
	server.OnUpdate(within((*Call).onUpdate))
	server.OnNotify(p.guard(p.onNotify))
	// CANCEL comes here only when its INVITE is unknown or answered (RFC 3261 section 9.2).
	server.OnCancel(p.guard(func(req *sip.Request, tx sip.ServerTransaction) {
		p.answer(tx, req, sip.StatusCallTransactionDoesNotExists)
	}))
	ok := p.guard(func(req *sip.Request, tx sip.ServerTransaction) { p.answer(tx, req, sip.StatusOK) })
	server.OnNoRoute(p.guard(func(req *sip.Request, tx sip.ServerTransaction) {
		p.answer(tx, req, sip.StatusMethodNotAllowed)
	}))
	server.OnOptions(ok)
	server.OnInfo(ok)
	server.OnMessage(ok)
}

// guard lets Close wait for the handler.
func (p *Phone) guard(h sipgo.RequestHandler) sipgo.RequestHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if p.enter() {
			defer p.wg.Done()
			h(req, tx)
		}
	}
}

func (p *Phone) answer(tx sip.ServerTransaction, req *sip.Request, code int) {
	if err := p.respond(tx, req, "", code, nil); err != nil {
		p.note("", "trouble", "%v", err)
	}
}

// callOf finds the call that a request belongs to; nil when there is none.
func (p *Phone) callOf(req *sip.Request) *Call {
	to, id := req.To(), req.CallID()
	if to == nil || id == nil {
		return nil
	}
	tag, _ := to.Params.Get("tag")
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[dialogKey(id.Value(), tag)]
}

// onInvite takes a new call, and stays until it has its final answer.
func (p *Phone) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if to := req.To(); to != nil && to.Params.Has("tag") {
		if c := p.callOf(req); c != nil {
			c.onReinvite(req, tx)
		} else {
			p.answer(tx, req, sip.StatusCallTransactionDoesNotExists)
		}
		return
	}
	p.answer(tx, req, sip.StatusTrying)
	c, err := p.newIncoming(req, tx)
	if err != nil {
		p.note("", "trouble", "%v", err)
		p.answer(tx, req, sip.StatusNotAcceptableHere)
		return
	}
	alive := tx.OnCancel(func(cancel *sip.Request) {
		// The stack answers 487 by itself. It holds the transaction: do not call it from here.
		c.finish(End{By: Other, How: "CANCEL", Reason: reasonOf(cancel)})
	})
	if !alive {
		c.finish(End{By: Other, How: "CANCEL"})
	}
	p.update(func() {
		p.calls[c.key] = c
		p.incoming = append(p.incoming, c)
		p.noteLocked(c.ID, "incoming", fmt.Sprintf("%q <%s>", c.remote.Name, c.remote.Number))
	})
	select {
	case <-c.final:
	case <-c.ended:
	case <-tx.Done():
	case <-p.ctx.Done():
	}
}

func (p *Phone) newIncoming(req *sip.Request, tx sip.ServerTransaction) (*Call, error) {
	from, to, id, seq, contact := req.From(), req.To(), req.CallID(), req.CSeq(), req.Contact()
	if from == nil || to == nil || id == nil || seq == nil || contact == nil {
		return nil, errors.New("phone: INVITE without From, To, Call-ID, CSeq or Contact")
	}
	m, err := p.newMedia(p.ctx)
	if err != nil {
		return nil, err
	}
	if sdp := sdpOf(req); sdp != nil {
		if err := m.accept(sdp); err != nil {
			m.close()
			return nil, err
		}
	}
	tag, _ := from.Params.Get("tag")
	c := &Call{
		ID: id.Value(), Incoming: true, Invite: req.String(), phone: p, localTag: newID(), media: m,
		localURI: *to.Address.Clone(), localName: to.DisplayName,
		remoteURI: *from.Address.Clone(), remoteName: from.DisplayName, remoteTag: tag,
		target: *contact.Address.Clone(), request: req, tx: tx,
		final: make(chan struct{}), ended: make(chan struct{}),
		remote: Party{Number: from.Address.User, Name: unquote(from.DisplayName)},
	}
	if party, ok := identity(req); ok {
		c.remote = party
	}
	c.key = dialogKey(c.ID, c.localTag)
	return c, nil
}

// Ring tells the caller that we ring (180).
func (c *Call) Ring(ctx context.Context) error {
	if !c.Incoming {
		return errNotIncoming
	}
	alive := func() (bool, error) { return true, nil }
	if err := c.await(ctx, "a call that can ring", alive); err != nil {
		return err
	}
	if err := c.phone.respond(c.tx, c.request, c.localTag, sip.StatusRinging, c.withContact); err != nil {
		return err
	}
	c.enterState(ringing, "ringing", "")
	return nil
}

// Progress lets the caller hear us before we answer (183 with SDP, early media).
func (c *Call) Progress(ctx context.Context) error {
	if !c.Incoming {
		return errNotIncoming
	}
	alive := func() (bool, error) { return true, nil }
	if err := c.await(ctx, "a call that can be heard early", alive); err != nil {
		return err
	}
	c.media.start()
	if err := c.phone.respond(c.tx, c.request, c.localTag, sip.StatusSessionInProgress, c.withSDP(c.media.answerDir(false))); err != nil {
		return err
	}
	c.enterState(ringing, "early media", "")
	return nil
}

func (c *Call) withContact(res *sip.Response) {
	res.AppendHeader(&sip.ContactHeader{Address: *c.phone.contact.Clone()})
}

func (c *Call) withSDP(dir direction) func(*sip.Response) {
	body := c.media.describe(dir)
	return func(res *sip.Response) {
		c.withContact(res)
		res.AppendHeader(sip.NewHeader("Content-Type", sdpType))
		res.SetBody(body)
	}
}

// claim makes sure that an incoming call gets one final answer only.
func (c *Call) claim(ctx context.Context) error {
	if !c.Incoming {
		return errNotIncoming
	}
	return c.await(ctx, "the call to be free for an answer", func() (bool, error) {
		if c.claimed {
			return false, errors.New("it was answered or rejected before")
		}
		c.claimed = true
		return true, nil
	})
}

// Answer takes an incoming call and blocks until the PBX has acknowledged.
func (c *Call) Answer(ctx context.Context) error {
	if err := c.claim(ctx); err != nil {
		return err
	}
	defer close(c.final)
	dir := c.media.answerDir(false)
	if sdpOf(c.request) == nil {
		dir = sendrecv // we make the offer
	}
	c.media.start()
	if err := c.accept(ctx, c.tx, c.request, c.withSDP(dir)); err != nil {
		return err
	}
	c.enterState(answered, "answered", "")
	return c.up() // the caller may have hung up meanwhile
}

// accept sends a 2xx to an INVITE until its ACK comes (RFC 3261 section 13.3.1.4).
func (c *Call) accept(ctx context.Context, tx sip.ServerTransaction, req *sip.Request, edit func(*sip.Response)) error {
	seq := req.CSeq().SeqNo
	const t1, t2 = 500 * time.Millisecond, 4 * time.Second
	for wait, waited := t1, time.Duration(0); waited < 64*t1; wait = min(2*wait, t2) {
		if err := c.phone.respond(tx, req, c.localTag, sip.StatusOK, edit); err != nil {
			return err
		}
		once, cancel := context.WithTimeoutCause(ctx, wait, errNoAck)
		err := c.phone.await(once, "ACK", func() (bool, error) { return c.acked >= seq || c.state == over, nil })
		cancel()
		if !errors.Is(err, errNoAck) {
			return err
		}
		waited += wait
	}
	c.finish(End{By: Failure, How: errNoAck.Error()})
	return fmt.Errorf("phone %s: %w", c.phone.o.User, errNoAck)
}

func (p *Phone) onAck(req *sip.Request, _ sip.ServerTransaction) {
	c := p.callOf(req)
	if c == nil || req.CSeq() == nil {
		return
	}
	if sdp := sdpOf(req); sdp != nil { // the answer to an offer that we made in the 2xx
		if err := c.media.accept(sdp); err != nil {
			p.note(c.ID, "trouble", "SDP of the ACK: %v", err)
		}
	}
	p.update(func() { c.acked = max(c.acked, req.CSeq().SeqNo) })
}

// Reject refuses an incoming call with a status such as 486 (busy) or 603 (declined), and blocks until the
// PBX has acknowledged.
func (c *Call) Reject(ctx context.Context, code int) error {
	if code < 400 || code > 699 {
		return fmt.Errorf("phone: reject with %d: want 400 to 699; to send the call elsewhere use Redirect", code)
	}
	return c.refuse(ctx, code, nil)
}

// Redirect sends an incoming call to another number (302).
func (c *Call) Redirect(ctx context.Context, number string) error {
	if err := checkToken("number", number, "@<> "); err != nil {
		return err
	}
	return c.refuse(ctx, sip.StatusMovedTemporarily, func(res *sip.Response) {
		res.AppendHeader(&sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: number, Host: c.phone.o.Server}})
	})
}

func (c *Call) refuse(ctx context.Context, code int, edit func(*sip.Response)) error {
	if err := c.claim(ctx); err != nil {
		return err
	}
	defer close(c.final)
	if err := c.phone.respond(c.tx, c.request, c.localTag, code, edit); err != nil {
		return err
	}
	c.finish(End{By: Self, How: fmt.Sprintf("%d %s", code, reasons[code]), Code: code})
	select {
	case <-c.tx.Acks():
	case <-c.tx.Done():
	case <-ctx.Done():
		return fmt.Errorf("phone %s: waiting for the ACK of %d: %w", c.phone.o.User, code, context.Cause(ctx))
	case <-c.phone.ctx.Done():
		return ErrClosed
	}
	return nil
}
