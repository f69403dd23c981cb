package phone

import (
	"context"
	"errors"
	"fmt"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// CallOptions say what an outgoing call shows of its caller. The zero value is the phone itself.
type CallOptions struct {
	// From is the user part of the From URI, as on the wire: percent-encode what a URI cannot have
	// ("%0d%0a" for a line break). Empty: the phone's user.
	From string

	// Name is the display name, any text without line breaks; quoting is added. Empty: the phone's name.
	Name string

	// Headers are appended to the INVITE as they are, such as {"Privacy", "id"}.
	Headers [][2]string
}

// Call calls a number at the PBX and returns once the INVITE is out. number is the user part of the URI,
// as on the wire. The call goes on until it is hung up, whatever becomes of ctx.
func (p *Phone) Call(ctx context.Context, number string, o CallOptions) (*Call, error) {
	if o.From == "" {
		o.From = p.o.User
	}
	if o.Name == "" {
		o.Name = p.o.Name
	}
	if err := errors.Join(
		checkToken("number", number, "@<> "),
		checkToken("caller number", o.From, "@<> "),
		checkToken("caller name", o.Name, ""),
	); err != nil {
		return nil, err
	}
	var headers []sip.Header
	for _, h := range o.Headers {
		if err := errors.Join(checkToken("header", h[0], ": "), checkToken("header", h[1], "")); err != nil {
			return nil, err
		}
		headers = append(headers, sip.NewHeader(h[0], h[1]))
	}
	m, err := p.newMedia(ctx)
	if err != nil {
		return nil, err
	}
	host := p.o.Server
	if p.o.Password == "" {
		host = p.o.Addr // a trunk's far end has no account at the PBX
	}
	target := sip.Uri{Scheme: "sip", User: number, Host: p.o.Server}
	c := &Call{
		ID: newID(), phone: p, localTag: newID(), media: m, ended: make(chan struct{}),
		localURI: sip.Uri{Scheme: "sip", User: o.From, Host: host}, localName: requote(o.Name),
		remoteURI: target, target: target, remote: Party{Number: number},
	}
	c.key = dialogKey(c.ID, c.localTag)
	return c, c.start(ctx, headers)
}

func (c *Call) start(ctx context.Context, headers []sip.Header) error {
	p := c.phone
	req, err := p.build(c.message(sip.INVITE, c.media.describe(sendrecv), sdpType, headers...))
	if err != nil {
		c.media.close()
		return err
	}
	c.Invite = req.String()
	p.update(func() {
		p.calls[c.key] = c
		p.noteLocked(c.ID, "dialing", c.remoteURI.User)
	})
	tx, err := c.sendInvite(ctx, req)
	if err != nil {
		c.finish(End{By: Failure, How: err.Error()})
		return err
	}
	if !p.spawn(func() { c.follow(tx, req) }) {
		c.finish(End{By: Failure, How: ErrClosed.Error()})
		return ErrClosed
	}
	return nil
}

// spawn starts a goroutine that Close waits for; false when the phone is closed.
func (p *Phone) spawn(f func()) bool {
	if !p.enter() {
		return false
	}
	go func() {
		defer p.wg.Done()
		f()
	}()
	return true
}

// sendInvite sends an INVITE; its 2xx is acknowledged again each time it is repeated (section 13.2.2.4).
func (c *Call) sendInvite(ctx context.Context, req *sip.Request) (sip.ClientTransaction, error) {
	seq := req.CSeq().SeqNo
	c.phone.update(func() { c.sending = req })
	tx, err := c.phone.send(ctx, req)
	if err != nil {
		return nil, err
	}
	tx.OnRetransmission(func(res *sip.Response) {
		if res.IsSuccess() && c.phone.enter() {
			defer c.phone.wg.Done()
			c.ack(seq)
		}
	})
	return tx, nil
}

// follow handles the responses to the first INVITE.
func (c *Call) follow(tx sip.ClientTransaction, req *sip.Request) {
	tried := false
	for {
		select {
		case res := <-tx.Responses():
			if challenged(res) && !tried {
				tried = true
				next, err := c.phone.authorize(req, res, c.nextSeq())
				if err == nil {
					req = next
					tx, err = c.sendInvite(c.phone.ctx, next)
				}
				if err != nil {
					c.finish(End{By: Failure, How: err.Error()})
					return
				}
				continue
			}
			if c.response(res, req) {
				return
			}
		case <-tx.Done():
			c.finish(End{By: Failure, How: fmt.Sprintf("no answer to INVITE: %v", tx.Err())})
			return
		case <-c.phone.ctx.Done():
			return
		}
	}
}

// response handles one response to the first INVITE; true when it was the final one.
func (c *Call) response(res *sip.Response, req *sip.Request) bool {
	if res.StatusCode == sip.StatusTrying {
		c.phone.update(func() { c.gotAny = true })
		return false
	}
	tag := ""
	if to := res.To(); to != nil {
		tag, _ = to.Params.Get("tag")
	}
	switch {
	case res.IsProvisional():
		c.phone.update(func() { c.gotAny = true })
		c.learn(res, tag)
		c.enterState(ringing, "ringing", fmt.Sprintf("%d %s", res.StatusCode, res.Reason))
		return false
	case res.IsSuccess():
		c.learn(res, tag)
		c.ack(req.CSeq().SeqNo)
		c.connected(res)
	default:
		e := End{By: Other, How: fmt.Sprintf("%d %s", res.StatusCode, res.Reason), Code: res.StatusCode, Reason: reasonOf(res)}
		c.phone.mu.Lock()
		if c.cancelled && res.StatusCode == sip.StatusRequestTerminated {
			e = End{By: Self, How: "CANCEL", Reason: e.Reason}
		}
		c.phone.mu.Unlock()
		c.finish(e)
	}
	return true
}

// connected begins the talk, unless CANCEL crossed with the answer (section 9.1): then we hang up.
func (c *Call) connected(res *sip.Response) {
	if err := c.media.accept(res.Body()); err != nil {
		c.phone.note(c.ID, "trouble", "SDP of the answer: %v", err)
	}
	c.enterState(answered, "answered", "")
	c.phone.mu.Lock()
	crossed := c.cancelled
	c.phone.mu.Unlock()
	if crossed {
		if err := c.bye(c.phone.ctx); err != nil {
			c.phone.note(c.ID, "trouble", "%v", err)
		}
		return
	}
	c.media.start()
}

// ack acknowledges a 2xx: a request of its own, outside of any transaction (section 13.2.2.4).
func (c *Call) ack(seq uint32) {
	m := c.message(sip.ACK, nil, "")
	m.seq = func() uint32 { return seq }
	req, err := c.phone.build(m)
	if err == nil {
		c.phone.logMessage(Sent, req)
		err = c.phone.wire.client.WriteRequest(req, asBuilt)
	}
	if err != nil {
		c.phone.note(c.ID, "trouble", "ACK: %v", err)
	}
}

// Cancel takes an outgoing call back before it is answered, and blocks until it has ended. If the answer
// comes first, the call is hung up instead.
func (c *Call) Cancel(ctx context.Context) error {
	if c.Incoming {
		return errors.New("phone: an incoming call cannot be cancelled; reject it")
	}
	err := c.await(ctx, "a first response, to be allowed to cancel", func() (bool, error) {
		return c.gotAny || c.state == answered, nil
	})
	if err != nil {
		return err
	}
	var up bool
	var invite *sip.Request
	c.phone.update(func() {
		up, invite = c.state == answered, c.sending
		c.cancelled = !up
	})
	if up {
		return c.bye(ctx)
	}
	cancel := c.cancelOf(invite)
	if err := sipgo.ClientRequestBuild(c.phone.wire.client, cancel); err != nil {
		return err
	}
	if _, err := c.phone.exchange(ctx, cancel); err != nil {
		return err
	}
	_, err = c.WaitEnded(ctx)
	return err
}

// cancelOf builds the CANCEL of an INVITE: same Via, same CSeq number (section 9.1).
func (c *Call) cancelOf(invite *sip.Request) *sip.Request {
	req := sip.NewRequest(sip.CANCEL, *invite.Recipient.Clone())
	req.SetTransport(c.phone.network)
	req.SetDestination(c.phone.server)
	sip.CopyHeaders("Via", invite, req)
	forwards := sip.MaxForwardsHeader(70)
	req.AppendHeader(sip.HeaderClone(invite.From()))
	req.AppendHeader(sip.HeaderClone(invite.To()))
	req.AppendHeader(sip.HeaderClone(invite.CallID()))
	req.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL})
	req.AppendHeader(&forwards)
	req.SetBody(nil)
	return req
}
