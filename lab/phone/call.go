package phone

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Who ended a call.
const (
	Self    = "self"    // this phone
	Other   = "other"   // the PBX or the party behind it
	Failure = "failure" // nobody: no answer to a message, or the phone was closed
)

// End tells how a call ended.
type End struct {
	At     time.Time
	By     string // Self, Other or Failure
	How    string // "BYE", "CANCEL", a status as "486 Busy Here", or the failure
	Code   int    // status, when the call ended with one
	Reason string // all Reason headers (RFC 3326), as "SIP;cause=200;text=\"Call completed elsewhere\""
}

func (e End) String() string {
	s := "by " + e.By + ": " + e.How
	if e.Reason != "" {
		s += " (" + e.Reason + ")"
	}
	return s
}

// Party is who the PBX says is at the other end.
type Party struct {
	Number string // user part of the SIP URI, as on the wire
	Name   string // display name, without SIP's quoting
}

// Call is one call of a phone: a SIP dialog, or one that is to become one.
type Call struct {
	ID       string // SIP Call-ID
	Incoming bool
	Invite   string // the INVITE, byte for byte

	phone      *Phone
	key        string // in phone.calls
	localTag   string
	localURI   sip.Uri
	localName  string // as on the wire
	remoteURI  sip.Uri
	remoteName string // as on the wire
	media      *media
	request    *sip.Request          // incoming: the INVITE
	tx         sip.ServerTransaction // incoming: its transaction
	final      chan struct{}         // incoming: closed once the INVITE has its final answer
	ended      chan struct{}

	// Guarded by phone.mu.
	state     state
	remoteTag string
	target    sip.Uri // remote target, RFC 3261 section 12.1
	seq       uint32  // our CSeq
	acked     uint32  // highest CSeq of the other side's INVITEs that got its ACK
	sending   *sip.Request
	gotAny    bool // outgoing: a provisional response came, so CANCEL is allowed (section 9.1)
	cancelled bool // outgoing: CANCEL was asked for
	claimed   bool // incoming: Answer, Reject or Redirect was called
	inviting  bool // a re-INVITE of ours is under way
	held      bool // by us
	remote    Party
	refer     int // status in the last NOTIFY about our REFER
	end       End
}

type state int

const (
	dialing state = iota // or, incoming, not even ringing
	ringing
	answered
	over
)

func dialogKey(callID, localTag string) string { return callID + "\n" + localTag }

// Remote is who the PBX said last is at the other end: the caller's From or P-Asserted-Identity, then
// every connected-line update.
func (c *Call) Remote() Party {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	return c.remote
}

// WaitRemote waits until the PBX says that the other end is this number.
func (c *Call) WaitRemote(ctx context.Context, number string) error {
	return c.await(ctx, "the other end to be "+number, func() (bool, error) { return c.remote.Number == number, nil })
}

// WaitRinging waits until an outgoing call rings at the other end (180 or 183), or is answered.
func (c *Call) WaitRinging(ctx context.Context) error {
	return c.await(ctx, "ringing", func() (bool, error) { return c.state == ringing || c.state == answered, nil })
}

// WaitAnswered waits until the call is up.
func (c *Call) WaitAnswered(ctx context.Context) error {
	return c.await(ctx, "an answer", func() (bool, error) { return c.state == answered, nil })
}

// await waits for a fact about a call that has not ended.
func (c *Call) await(ctx context.Context, what string, ok func() (bool, error)) error {
	return c.phone.await(ctx, what, func() (bool, error) {
		if c.state == over {
			return false, fmt.Errorf("the call ended %v", c.end)
		}
		return ok()
	})
}

// Ended is closed when the call has ended, whoever ended it.
func (c *Call) Ended() <-chan struct{} { return c.ended }

// WaitEnded waits until the call has ended and tells how.
func (c *Call) WaitEnded(ctx context.Context) (End, error) {
	select {
	case <-c.ended:
		return c.end, nil // not written any more
	case <-ctx.Done():
		return End{}, fmt.Errorf("phone %s: waiting for the end of the call: %w", c.phone.o.User, context.Cause(ctx))
	}
}

// WaitAudio waits until n more packets of audio (20 ms each) came from the other side.
func (c *Call) WaitAudio(ctx context.Context, n uint64) error { return c.media.waitReceived(ctx, n) }

// Audio tells how many packets of audio were sent and received.
func (c *Call) Audio() (sent, received uint64) { return c.media.sent.Load(), c.media.received.Load() }

// Digits sends telephone events (RFC 4733), 100 ms each with 60 ms between: 0-9 * # A-D. It blocks until
// they are out.
func (c *Call) Digits(ctx context.Context, digits string) error {
	if err := c.up(); err != nil {
		return err
	}
	c.phone.note(c.ID, "digits", "%s", digits)
	return c.media.sendDigits(ctx, digits)
}

func (c *Call) up() error {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	switch c.state {
	case answered:
		return nil
	case over:
		return fmt.Errorf("phone %s: the call has ended %v", c.phone.o.User, c.end)
	}
	return fmt.Errorf("phone %s: the call is not answered yet", c.phone.o.User)
}

// Hangup ends the call, whatever its state: BYE when it is up, CANCEL when we are calling, 480 when we
// are called. It blocks until the PBX has confirmed. A call that has ended is no error.
func (c *Call) Hangup(ctx context.Context) error {
	c.phone.mu.Lock()
	s := c.state
	c.phone.mu.Unlock()
	switch {
	case s == over:
		return nil
	case s == answered:
		return c.bye(ctx)
	case c.Incoming:
		return c.Reject(ctx, 480)
	}
	return c.Cancel(ctx)
}

func (c *Call) bye(ctx context.Context) error {
	c.finish(End{By: Self, How: "BYE"})
	res, err := c.do(ctx, sip.BYE, nil, "")
	if err != nil {
		return err
	}
	// 481 is the answer when both sides hang up at once.
	if !res.IsSuccess() && res.StatusCode != sip.StatusCallTransactionDoesNotExists {
		return fmt.Errorf("phone %s: BYE: the PBX says %d %s", c.phone.o.User, res.StatusCode, res.Reason)
	}
	return nil
}

// finish ends the call; only the first end counts. It must not be called with the lock held.
func (c *Call) finish(e End) {
	e.At = time.Now()
	first := false
	c.phone.update(func() {
		if first = c.state != over; first {
			c.state, c.end = over, e
			c.phone.noteLocked(c.ID, "ended", e.String())
		}
	})
	if first {
		close(c.ended)
		c.media.close()
	}
}

// enterState moves the call on, never back.
func (c *Call) enterState(s state, what, text string) {
	c.phone.update(func() {
		if c.state < s {
			c.state = s
			c.phone.noteLocked(c.ID, what, text)
		}
	})
}

func (c *Call) nextSeq() uint32 {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	c.seq++
	return c.seq
}

// message is a request within the dialog, RFC 3261 section 12.2.1.1.
func (c *Call) message(method sip.RequestMethod, body []byte, bodyType string, headers ...sip.Header) message {
	c.phone.mu.Lock()
	defer c.phone.mu.Unlock()
	from := &sip.FromHeader{DisplayName: c.localName, Address: *c.localURI.Clone()}
	from.Params.Add("tag", c.localTag)
	to := &sip.ToHeader{DisplayName: c.remoteName, Address: *c.remoteURI.Clone()}
	if c.remoteTag != "" {
		to.Params.Add("tag", c.remoteTag)
	}
	return message{
		method: method, target: *c.target.Clone(), from: from, to: to, callID: c.ID, seq: c.nextSeq,
		headers: headers, body: body, bodyType: bodyType,
	}
}

func (c *Call) do(ctx context.Context, method sip.RequestMethod, body []byte, bodyType string, headers ...sip.Header) (*sip.Response, error) {
	return c.phone.do(ctx, c.message(method, body, bodyType, headers...))
}

// received is a request or a response; sip.Message lacks these methods, both have them.
type received interface {
	sip.Message
	GetHeader(name string) sip.Header
	Contact() *sip.ContactHeader
	ContentType() *sip.ContentTypeHeader
}

// learn takes over what a message of the other side says about the dialog and about who is there.
func (c *Call) learn(msg received, remoteTag string) {
	party, told := identity(msg)
	c.phone.update(func() {
		if remoteTag != "" {
			c.remoteTag = remoteTag
		}
		if contact := msg.Contact(); contact != nil {
			c.target = *contact.Address.Clone()
		}
		if told && party != c.remote {
			c.remote = party
			c.phone.noteLocked(c.ID, "remote", fmt.Sprintf("%q <%s>", party.Name, party.Number))
		}
	})
}

// identity reads P-Asserted-Identity (RFC 3325), which Asterisk sends with send_pai=yes.
func identity(msg received) (Party, bool) {
	h := msg.GetHeader("P-Asserted-Identity")
	if h == nil {
		return Party{}, false
	}
	var uri sip.Uri
	name, err := sip.ParseAddressValue(h.Value(), &uri, nil)
	if err != nil {
		return Party{}, false
	}
	return Party{Number: uri.User, Name: unquote(name)}, true
}

// unquote takes off the backslashes of a quoted string (RFC 3261 section 25.1).
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func requote(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

func reasonOf(msg sip.Message) string {
	var all []string
	for _, h := range msg.GetHeaders("Reason") {
		all = append(all, h.Value())
	}
	return strings.Join(all, ", ")
}

var errNotIncoming = errors.New("phone: only an incoming call can be answered, rejected or redirected")
