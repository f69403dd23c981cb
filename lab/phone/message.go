package phone

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

const allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY, MESSAGE"

// message is a request that is not built yet. seq is asked for every attempt: an answer to a digest
// challenge is a new request with the next number (RFC 3261 section 22.2).
type message struct {
	method   sip.RequestMethod
	target   sip.Uri
	from     *sip.FromHeader
	to       *sip.ToHeader
	callID   string
	seq      func() uint32
	contact  *sip.ContactHeader // nil: the phone's
	headers  []sip.Header
	body     []byte
	bodyType string
}

func newID() string { return rand.Text() }

func (p *Phone) build(m message) (*sip.Request, error) {
	req := sip.NewRequest(m.method, m.target)
	req.SetTransport(p.network)
	req.SetDestination(p.server)
	id, forwards := sip.CallIDHeader(m.callID), sip.MaxForwardsHeader(70)
	req.AppendHeader(m.from)
	req.AppendHeader(m.to)
	req.AppendHeader(&id)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: m.seq(), MethodName: m.method})
	req.AppendHeader(&forwards)
	if m.contact == nil {
		m.contact = &sip.ContactHeader{Address: *p.contact.Clone()}
	}
	req.AppendHeader(m.contact)
	req.AppendHeader(sip.NewHeader("Allow", allow))
	req.AppendHeader(sip.NewHeader("User-Agent", "lab-phone"))
	for _, h := range m.headers {
		req.AppendHeader(h)
	}
	if m.bodyType != "" {
		req.AppendHeader(sip.NewHeader("Content-Type", m.bodyType))
	}
	req.SetBody(m.body)
	return req, sipgo.ClientRequestBuild(p.wire.client, req) // adds Via
}

// asBuilt stops the stack from building a request a second time.
func asBuilt(*sipgo.Client, *sip.Request) error { return nil }

// send starts a client transaction.
func (p *Phone) send(ctx context.Context, req *sip.Request) (sip.ClientTransaction, error) {
	if !p.enter() {
		return nil, ErrClosed
	}
	defer p.wg.Done()
	if err := p.wire.lost(); err != nil {
		return nil, fmt.Errorf("phone %s: send %s: %w", p.o.User, req.Method, err)
	}
	p.logMessage(Sent, req)
	tx, err := p.wire.client.TransactionRequest(ctx, req, asBuilt)
	if err != nil {
		return nil, fmt.Errorf("phone %s: send %s: %w", p.o.User, req.Method, err)
	}
	return tx, nil
}

// do sends a request that is not an INVITE, answers a digest challenge and returns the final response,
// whatever its status.
func (p *Phone) do(ctx context.Context, m message) (*sip.Response, error) {
	req, err := p.build(m)
	if err != nil {
		return nil, err
	}
	res, err := p.exchange(ctx, req)
	if err != nil || !challenged(res) {
		return res, err
	}
	if req, err = p.authorize(req, res, m.seq()); err != nil {
		return nil, err
	}
	return p.exchange(ctx, req)
}

func (p *Phone) exchange(ctx context.Context, req *sip.Request) (*sip.Response, error) {
	tx, err := p.send(ctx, req)
	if err != nil {
		return nil, err
	}
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, fmt.Errorf("phone %s: no answer to %s: %w", p.o.User, req.Method, tx.Err())
		case <-ctx.Done():
			return nil, fmt.Errorf("phone %s: waiting for the answer to %s: %w", p.o.User, req.Method, context.Cause(ctx))
		case <-p.ctx.Done():
			return nil, ErrClosed
		}
	}
}

func challenged(res *sip.Response) bool {
	return res.StatusCode == sip.StatusUnauthorized || res.StatusCode == sip.StatusProxyAuthRequired
}

// authorize returns the request again, as a new transaction with the answer to the challenge. A second
// challenge is final: the password is wrong.
func (p *Phone) authorize(req *sip.Request, res *sip.Response, seq uint32) (*sip.Request, error) {
	ask, answer := "WWW-Authenticate", "Authorization"
	if res.StatusCode == sip.StatusProxyAuthRequired {
		ask, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	h := res.GetHeader(ask)
	if h == nil {
		return nil, fmt.Errorf("phone %s: %d without %s", p.o.User, res.StatusCode, ask)
	}
	chal, err := digest.ParseChallenge(h.Value())
	if err != nil {
		return nil, fmt.Errorf("phone %s: %s %q: %w", p.o.User, ask, h.Value(), err)
	}
	chal.Algorithm = sip.ASCIIToUpper(chal.Algorithm) // Asterisk writes "md5"
	cred, err := digest.Digest(chal, digest.Options{
		Method: string(req.Method), URI: req.Recipient.String(), Username: p.o.User, Password: p.o.Password,
	})
	if err != nil {
		return nil, fmt.Errorf("phone %s: digest: %w", p.o.User, err)
	}
	next := req.Clone()
	next.RemoveHeader("Via")
	next.CSeq().SeqNo = seq
	next.AppendHeader(sip.NewHeader(answer, cred.String()))
	return next, sipgo.ClientRequestBuild(p.wire.client, next)
}

// respond answers a request, with the local tag if the request had none.
func (p *Phone) respond(tx sip.ServerTransaction, req *sip.Request, tag string, code int, edit func(*sip.Response)) error {
	res := sip.NewResponseFromRequest(req, code, reasons[code], nil)
	if asked := req.To(); tag != "" && asked != nil && !asked.Params.Has("tag") && code != sip.StatusTrying {
		res.To().Params.Add("tag", tag)
	}
	res.AppendHeader(sip.NewHeader("Allow", allow))
	if edit != nil {
		edit(res)
	}
	p.logMessage(Sent, res)
	if err := tx.Respond(res); err != nil {
		return fmt.Errorf("phone %s: answer %d to %s: %w", p.o.User, code, req.Method, err)
	}
	return nil
}

// reasons are the phrases of the statuses that phones send, RFC 3261 section 21. Others go out bare.
var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 302: "Moved Temporarily",
	403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 480: "Temporarily Unavailable",
	481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
	488: "Not Acceptable Here", 491: "Request Pending", 500: "Server Internal Error",
	503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline",
}
