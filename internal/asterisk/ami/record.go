package ami

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Recorder keeps what a PBX sends, so that it can be replayed: the bytes as they came, and when. It is a Connector with an
// ear at the wire, so a recording has what a Connector asks for, the snapshot first. Secrets are starred.
type Recorder struct {
	Wire  io.Writer
	Times io.Writer // lines "offset length unix_ms"; may be nil
	Blur  *Blur     // nil: numbers and names stay
	// Progress is told now and then, from one goroutine; may be nil.
	Progress func(Progress)

	secret  []byte
	pending []byte // the line that is not complete
	offset  int    // bytes written
	failed  error  // of writing
	calls   map[string]bool
	heard   int
	up      bool
}

// Progress is how far a recording is.
type Progress struct {
	Bytes int // received
	Calls int
	Link  *telephony.Link // set where the link has changed
}

// Run records until ctx ends. It returns an error if the PBX cannot be reached at all, or nothing can be written; a link
// that breaks later is taken up again, with a line "### reconnect" between the two.
func (r *Recorder) Run(ctx context.Context, c Config) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r.secret, r.calls = []byte(c.Secret), map[string]bool{}
	link := r.link(c, end)
	err := connector.Supervise(ctx, link, r.observe, func(l telephony.Link) {
		switch {
		case l.State == telephony.LinkConnected:
			r.up = true
		case (l.State == telephony.LinkGone || l.State == telephony.LinkRefused) && !r.up:
			end(&connector.Failure{Problem: l.Problem, Remedy: l.Remedy})
		}
		r.tell(&l)
	})
	if r.failed != nil {
		return r.failed
	}
	if cause := context.Cause(ctx); errors.As(cause, new(*connector.Failure)) {
		return cause
	}
	if ctx.Err() != nil {
		return nil // it was to end
	}
	return err
}

// link is a connector whose bytes pass by the recorder as they come out of TLS.
func (r *Recorder) link(c Config, end context.CancelCauseFunc) *Connector {
	outer := New(c)
	if c.TLS != nil && c.Login == LoginAuto {
		c.Login = LoginPlain // as outer would
	}
	c.TLS = nil // done by outer
	inner := New(c)
	inner.connect = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := outer.dial(ctx)
		if err != nil {
			return nil, err
		}
		if r.heard > 0 { // half a line is no line
			r.pending = r.pending[:0]
			r.write([]byte(reconnected), time.Now())
		}
		return &tapped{conn, r, end}, nil
	}
	return inner
}

// tapped gives every read to the recorder.
type tapped struct {
	net.Conn
	to  *Recorder
	end context.CancelCauseFunc
}

func (t *tapped) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	if n > 0 {
		t.to.take(b[:n], time.Now())
	}
	if t.to.failed != nil {
		t.end(t.to.failed)
		return 0, t.to.failed
	}
	return n, err
}

// take keeps the lines that are complete. What is left waits: a secret may stand across two reads. A line that never ends
// is kept as it is: no message of a PBX is so.
func (r *Recorder) take(b []byte, at time.Time) {
	r.heard += len(b)
	r.pending = append(r.pending, b...)
	whole := bytes.LastIndexByte(r.pending, '\n') + 1
	if len(r.pending) > MaxMessage {
		whole = len(r.pending)
	}
	if whole == 0 {
		return
	}
	var out []byte
	for line := range bytes.SplitAfterSeq(r.pending[:whole], []byte("\n")) {
		out = append(out, r.clean(line)...)
	}
	r.write(out, at)
	r.pending = append(r.pending[:0], r.pending[whole:]...)
	r.tell(nil)
}

func (r *Recorder) write(b []byte, at time.Time) {
	if r.failed != nil {
		return
	}
	if _, err := r.Wire.Write(b); err != nil {
		r.failed = fmt.Errorf("the recording cannot be written: %w", err)
		return
	}
	if r.Times != nil {
		if _, err := fmt.Fprintf(r.Times, "%d %d %d\n", r.offset, len(b), at.UnixMilli()); err != nil {
			r.failed = fmt.Errorf("the times of the recording cannot be written: %w", err)
		}
	}
	r.offset += len(b)
}

// clean stars what is secret in a line: the account's own secret wherever it stands, and values whose names say so.
func (r *Recorder) clean(line []byte) []byte {
	text := bytes.TrimRight(line, "\r\n")
	end := line[len(text):]
	if len(r.secret) >= 4 { // shorter ones stand in anything
		text = bytes.ReplaceAll(text, r.secret, bytes.Repeat([]byte("*"), len(r.secret)))
	}
	key, value, found := bytes.Cut(text, []byte(":"))
	if found && secretName(key) {
		shown := bytes.TrimLeft(value, " \t")
		text = append(bytes.Clone(text[:len(text)-len(shown)]), bytes.Repeat([]byte("*"), len(shown))...)
	} else if r.Blur != nil {
		text = r.Blur.line(text)
	}
	return append(bytes.Clone(text), end...)
}

func secretName(key []byte) bool {
	name := bytes.ToLower(key)
	for _, word := range [...]string{"secret", "password", "challenge", "md5"} {
		if bytes.Contains(name, []byte(word)) {
			return true
		}
	}
	return false
}

// observe counts conversations by what the PBX files together.
func (r *Recorder) observe(o telephony.Observation) {
	for _, leg := range o.Legs {
		if leg.Group != "" {
			r.calls[leg.Group] = true
		}
	}
	if s, ok := o.Fact.(telephony.Snapshot); ok {
		for _, leg := range s.Legs {
			r.calls[leg.Group] = true
		}
	}
}

func (r *Recorder) tell(l *telephony.Link) {
	if r.Progress != nil {
		r.Progress(Progress{Bytes: r.heard, Calls: len(r.calls), Link: l})
	}
}
