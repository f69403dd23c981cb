package phone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

var errNoAck = errors.New("the PBX did not acknowledge our answer (no ACK)")

func (c *Call) onBye(req *sip.Request, tx sip.ServerTransaction) {
	c.finish(End{By: Other, How: "BYE", Reason: reasonOf(req)})
	c.phone.answer(tx, req, sip.StatusOK)
}

// onReinvite answers a changed offer, or a connected-line update (which Asterisk sends as a re-INVITE
// once the call is up).
func (c *Call) onReinvite(req *sip.Request, tx sip.ServerTransaction) {
	c.phone.mu.Lock()
	busy, gone, held := c.inviting, c.state == over, c.held
	c.phone.mu.Unlock()
	switch {
	case gone:
		c.phone.answer(tx, req, sip.StatusCallTransactionDoesNotExists)
		return
	case busy: // both sides at once, RFC 3261 section 14.2
		c.phone.answer(tx, req, sip.StatusRequestPending)
		return
	}
	c.learn(req, "")
	dir := directionOf(true, !held)
	if sdp := sdpOf(req); sdp != nil {
		if err := c.media.accept(sdp); err != nil {
			c.phone.note(c.ID, "trouble", "SDP of a re-INVITE: %v", err)
			c.phone.answer(tx, req, sip.StatusNotAcceptableHere)
			return
		}
		dir = c.media.answerDir(held)
	}
	if err := c.accept(c.phone.ctx, tx, req, c.withSDP(dir)); err != nil && !errors.Is(err, ErrClosed) {
		c.phone.note(c.ID, "trouble", "re-INVITE: %v", err)
	}
}

// onUpdate answers UPDATE (RFC 3311): with SDP an offer, without a connected-line update, which Asterisk
// sends so before the call is up.
func (c *Call) onUpdate(req *sip.Request, tx sip.ServerTransaction) {
	c.learn(req, "")
	edit := c.withContact
	if sdp := sdpOf(req); sdp != nil {
		if err := c.media.accept(sdp); err != nil {
			c.phone.note(c.ID, "trouble", "SDP of an UPDATE: %v", err)
			c.phone.answer(tx, req, sip.StatusNotAcceptableHere)
			return
		}
		c.phone.mu.Lock()
		held := c.held
		c.phone.mu.Unlock()
		edit = c.withSDP(c.media.answerDir(held))
	}
	if err := c.phone.respond(tx, req, "", sip.StatusOK, edit); err != nil {
		c.phone.note(c.ID, "trouble", "UPDATE: %v", err)
	}
}

// onNotify takes the progress of a transfer (RFC 3515 section 2.4.4), and does what the PBX asks of the phone. Others, such
// as the count of voice messages that Asterisk sends unasked, are only answered.
func (p *Phone) onNotify(req *sip.Request, tx sip.ServerTransaction) {
	event := req.GetHeader("Event")
	c := p.callOf(req)
	if c != nil && event != nil && strings.HasPrefix(event.Value(), "refer") {
		var code int
		if _, err := fmt.Sscanf(string(req.Body()), "SIP/2.0 %d", &code); err == nil {
			p.update(func() {
				if c.refer < 200 { // requests are handled side by side: "100 Trying" may come last
					c.refer = code
				}
			})
		}
	}
	p.answer(tx, req, sip.StatusOK)
	if c != nil && event != nil {
		p.spawn(func() { c.told(event.Value()) })
	}
}

// Hold puts the other side on hold: a re-INVITE with sendonly. It blocks until the PBX has agreed.
func (c *Call) Hold(ctx context.Context) error {
	if err := c.reinvite(ctx, sendonly); err != nil {
		return err
	}
	c.phone.update(func() {
		c.held = true
		c.phone.noteLocked(c.ID, "held", "")
	})
	return nil
}

// Resume takes the other side back from hold: a re-INVITE with sendrecv. It blocks until the PBX has agreed.
func (c *Call) Resume(ctx context.Context) error {
	if err := c.reinvite(ctx, sendrecv); err != nil {
		return err
	}
	c.phone.update(func() {
		c.held = false
		c.phone.noteLocked(c.ID, "resumed", "")
	})
	return nil
}

// reinvite offers a direction, and again when both sides did so at once (491).
func (c *Call) reinvite(ctx context.Context, dir direction) error {
	if err := c.up(); err != nil {
		return err
	}
	for {
		err := c.await(ctx, "the end of another re-INVITE", func() (bool, error) {
			free := !c.inviting
			c.inviting = true
			return free, nil
		})
		if err != nil {
			return err
		}
		res, seq, err := c.offer(ctx, dir)
		if err == nil && res.IsSuccess() {
			c.learn(res, "")
			c.ack(seq)
			err = c.media.accept(res.Body())
		}
		c.phone.update(func() { c.inviting = false })
		switch {
		case err != nil:
			return err
		case res.IsSuccess():
			return nil
		case res.StatusCode != sip.StatusRequestPending:
			return fmt.Errorf("phone %s: re-INVITE: the PBX says %d %s", c.phone.o.User, res.StatusCode, res.Reason)
		}
		if err := c.pause(ctx); err != nil {
			return err
		}
	}
}

// pause lets the other side finish its own re-INVITE. RFC 3261 section 14.1: the owner of the Call-ID waits
// longer, so that the two do not meet again.
func (c *Call) pause(ctx context.Context) error {
	wait := time.Duration(rand.IntN(200)) * 10 * time.Millisecond
	if !c.Incoming {
		wait = 2100*time.Millisecond + time.Duration(rand.IntN(190))*10*time.Millisecond
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.ended:
	case <-ctx.Done():
		return fmt.Errorf("phone %s: waiting to offer again: %w", c.phone.o.User, context.Cause(ctx))
	case <-c.phone.ctx.Done():
		return ErrClosed
	}
	return nil
}

// offer sends one re-INVITE and returns its final response and CSeq number.
func (c *Call) offer(ctx context.Context, dir direction) (*sip.Response, uint32, error) {
	req, err := c.phone.build(c.message(sip.INVITE, c.media.describe(dir), sdpType))
	if err != nil {
		return nil, 0, err
	}
	tx, err := c.sendInvite(ctx, req)
	if err != nil {
		return nil, 0, err
	}
	seq := req.CSeq().SeqNo
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, seq, nil
			}
		case <-tx.Done():
			return nil, 0, fmt.Errorf("phone %s: no answer to re-INVITE: %w", c.phone.o.User, tx.Err())
		case <-ctx.Done():
			tx.Terminate()
			return nil, 0, fmt.Errorf("phone %s: waiting for the answer to re-INVITE: %w", c.phone.o.User, context.Cause(ctx))
		case <-c.phone.ctx.Done():
			return nil, 0, ErrClosed
		}
	}
}
