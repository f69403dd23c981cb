package phone

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/emiago/sipgo/sip"
)

// parkTime is how long a transferor waits for news after its REFER was accepted before it hangs up. Asterisk
// says nothing, not even "100 Trying", until the target rings, and when the target is a parking place not
// before the transferor has hung up.
const parkTime = time.Second

// BlindTransfer sends the other side to a number (REFER, RFC 3515) and hangs up. It blocks until this phone
// is out of the call. When the PBX refuses, or reports that the target cannot be reached, it returns an
// error and the call is still up.
func (c *Call) BlindTransfer(ctx context.Context, number string) error {
	if err := checkToken("number", number, "@<> "); err != nil {
		return err
	}
	to := sip.Uri{Scheme: "sip", User: number, Host: c.phone.o.Server}
	return c.transfer(ctx, "<"+to.String()+">", "blind, to "+number)
}

// AttendedTransfer joins the other side of this call with the other side of consult (REFER with Replaces,
// RFC 3891), both calls of this phone, and hangs up what is left of them. consult may still ring.
func (c *Call) AttendedTransfer(ctx context.Context, consult *Call) error {
	if consult.phone != c.phone || consult == c {
		return errors.New("phone: an attended transfer needs two calls of one phone")
	}
	if err := consult.WaitRinging(ctx); err != nil {
		return err
	}
	c.phone.mu.Lock()
	// The tags are named from the side of the one who gets the Replaces: RFC 3891 section 3.
	replaces := fmt.Sprintf("%s;to-tag=%s;from-tag=%s", consult.ID, consult.remoteTag, consult.localTag)
	target := consult.target
	target.User, target.UriParams = consult.remoteURI.User, nil
	target.Headers = nil
	c.phone.mu.Unlock()
	referTo := fmt.Sprintf("<%s?Replaces=%s>", target.String(), url.QueryEscape(replaces))
	if err := c.transfer(ctx, referTo, "attended, to "+consult.remoteURI.User); err != nil {
		return err
	}
	return consult.Hangup(ctx)
}

func (c *Call) transfer(ctx context.Context, referTo, what string) error {
	const tries, between = 10, 100 * time.Millisecond
	tick := time.NewTicker(between)
	defer tick.Stop()
	for try := 1; ; try++ {
		code, err := c.sendRefer(ctx, referTo, what)
		switch {
		case err != nil:
			return err
		case code < 300:
			return c.Hangup(ctx)
		// For a moment after the answer Asterisk has not yet joined the two: it reports 400 (not in a bridge)
		// or 500 (the other side is not).
		case code != sip.StatusBadRequest && code != sip.StatusInternalServerError || try == tries:
			return fmt.Errorf("phone %s: transfer %s: the PBX reports %d", c.phone.o.User, what, code)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("phone %s: transfer %s: %w", c.phone.o.User, what, context.Cause(ctx))
		}
	}
}

// sendRefer sends a REFER and returns the status that the PBX reports about the transfer; 0 when it reported
// none in parkTime, or when the call ended.
func (c *Call) sendRefer(ctx context.Context, referTo, what string) (int, error) {
	if err := c.up(); err != nil {
		return 0, err
	}
	c.phone.update(func() { c.refer = 0 })
	by := sip.Uri{Scheme: "sip", User: c.phone.o.User, Host: c.phone.o.Server}
	res, err := c.do(ctx, sip.REFER, nil, "",
		sip.NewHeader("Refer-To", referTo), sip.NewHeader("Referred-By", "<"+by.String()+">"))
	if err != nil {
		return 0, err
	}
	if !res.IsSuccess() {
		return 0, fmt.Errorf("phone %s: transfer %s: the PBX says %d %s", c.phone.o.User, what, res.StatusCode, res.Reason)
	}
	c.phone.note(c.ID, "transferred", "%s", what)
	once, cancel := context.WithTimeout(ctx, parkTime)
	defer cancel()
	code := 0
	// That no news came in time is no error: see parkTime.
	_ = c.phone.await(once, "news of the transfer", func() (bool, error) {
		code = c.refer
		return code >= 200 || c.state == over, nil
	})
	if ctx.Err() != nil {
		return 0, fmt.Errorf("phone %s: transfer %s: %w", c.phone.o.User, what, context.Cause(ctx))
	}
	return code, nil
}
