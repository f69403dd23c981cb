package phone

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// What a log entry is about.
const (
	Sent = "sent" // a message that we sent
	Saw  = "saw"  // a message that came off the wire
	Note = "note" // what the phone made of it, or trouble
)

// Entry is one line of a phone's log.
type Entry struct {
	At  time.Time
	Dir string // Sent, Saw or Note

	// What is the method of a request ("INVITE"; "re-INVITE" within a call), the status and method of a
	// response ("180 INVITE"), or for a note the fact: "dialing", "incoming", "ringing", "answered",
	// "held", "resumed", "remote", "transferred", "ended", "registered", "trouble".
	What string

	Call string // SIP Call-ID
	Text string // the parts of a message that matter, or the note's details
	Raw  string // the message, byte for byte
}

func (e Entry) String() string {
	call, _, _ := strings.Cut(e.Call, "@")
	if len(call) > 8 {
		call = call[:8]
	}
	return fmt.Sprintf("%s %-4s %-14s %-8s %s", e.At.Format("15:04:05.000"), e.Dir, e.What, call, e.Text)
}

// Log returns all entries so far, oldest first. Requests that the other side merely repeated are not in it.
func (p *Phone) Log() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Entry(nil), p.entries...)
}

// LogText returns the log as text, one entry a line.
func (p *Phone) LogText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "phone %s at %s\n", p.o.User, p.o.Addr)
	for _, e := range p.Log() {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// Find returns the entries with this direction and fact, oldest first.
func (p *Phone) Find(dir, what string) []Entry {
	var found []Entry
	for _, e := range p.Log() {
		if e.Dir == dir && e.What == what {
			found = append(found, e)
		}
	}
	return found
}

// WaitLog waits for the first entry with this direction and fact, which may be an old one.
func (p *Phone) WaitLog(ctx context.Context, dir, what string) (Entry, error) {
	var found Entry
	err := p.await(ctx, dir+" "+what, func() (bool, error) {
		for _, e := range p.entries {
			if e.Dir == dir && e.What == what {
				found = e
				return true, nil
			}
		}
		return false, nil
	})
	return found, err
}

func (p *Phone) note(call, what, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.update(func() { p.noteLocked(call, what, text) })
}

func (p *Phone) noteLocked(call, what, text string) {
	p.entries = append(p.entries, Entry{At: time.Now(), Dir: Note, What: what, Call: call, Text: text})
}

func (p *Phone) logMessage(dir string, msg sip.Message) {
	e := describe(msg)
	e.At, e.Dir = time.Now(), dir
	p.update(func() { p.entries = append(p.entries, e) })
}

// logRead sees every message before it is parsed and handled, in the order of the wire. What comes after
// Close is dropped.
func (p *Phone) logRead(_ sip.TransportReadProps, data []byte) ([]byte, error) {
	msg, err := sip.ParseMessage(data)
	if err != nil {
		msg = nil
	}
	open, first := p.admit(msg)
	switch {
	case !open:
		return nil, nil
	case err == nil && first:
		p.logMessage(Saw, msg)
	case err != nil && len(strings.TrimSpace(string(data))) > 0: // empty lines keep a connection alive
		p.note("", "trouble", "cannot read a message: %v: %q", err, data)
	}
	return data, nil
}

// admit tells whether the phone is open, and whether a message is not a mere repetition: RFC 3261 section
// 17.1.1.2 lets the sender repeat a request until we answer. The branch names the transaction (section 8.1.1.7);
// CANCEL, and ACK for an error, have the branch of their INVITE.
func (p *Phone) admit(msg sip.Message) (open, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	req, ok := msg.(*sip.Request)
	if p.closed || !ok || req.Via() == nil {
		return !p.closed, true
	}
	branch, _ := req.Via().Params.Get("branch")
	key := string(req.Method) + " " + branch
	first = !p.seen[key]
	p.seen[key] = true
	return true, first
}

func describe(msg sip.Message) Entry {
	e := Entry{Raw: msg.String()}
	if id := msg.CallID(); id != nil {
		e.Call = id.Value()
	}
	var details []string
	switch m := msg.(type) {
	case *sip.Request:
		e.What = string(m.Method)
		if to := m.To(); m.Method == sip.INVITE && to != nil && to.Params.Has("tag") {
			e.What = "re-INVITE"
		}
		if m.Method == sip.INVITE || m.Method == sip.REFER {
			details = append(details, m.Recipient.String())
		}
		if from := m.From(); m.Method == sip.INVITE && from != nil {
			details = append(details, "from "+from.Value())
		}
	case *sip.Response:
		e.What = fmt.Sprint(m.StatusCode)
		if seq := m.CSeq(); seq != nil {
			e.What += " " + string(seq.MethodName)
		}
		details = append(details, m.Reason)
	}
	for _, name := range []string{"Reason", "P-Asserted-Identity", "Privacy", "Diversion", "Refer-To", "Replaces", "Event"} {
		for _, h := range msg.GetHeaders(name) {
			details = append(details, h.Name()+": "+h.Value())
		}
	}
	for line := range strings.Lines(string(msg.Body())) {
		line = strings.TrimSpace(line)
		switch line {
		case "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive":
			details = append(details, line)
		}
		if strings.HasPrefix(line, "SIP/2.0 ") { // the body of a NOTIFY about a transfer
			details = append(details, line)
		}
	}
	e.Text = strings.Join(details, "; ")
	return e
}

// logger hands the stack's warnings to the phone's log.
func (p *Phone) logger() *slog.Logger { return slog.New(&trouble{phone: p}) }

type trouble struct {
	phone *Phone
	attrs []slog.Attr
}

func (t *trouble) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (t *trouble) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	for _, a := range t.attrs {
		text += " " + a.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	t.phone.note("", "trouble", "%s", text)
	return nil
}

func (t *trouble) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &trouble{t.phone, append(append([]slog.Attr(nil), t.attrs...), attrs...)}
}

func (t *trouble) WithGroup(string) slog.Handler { return t }
