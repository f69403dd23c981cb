package delivery

import (
	"encoding/binary"
	"errors"

	"github.com/gobwas/ws"
)

// Form is how frames are written.
type Form int

const (
	// EventStream is server-sent events (WHATWG HTML, 9.2). Ids and kinds are ours, data is JSON on one line: no input can
	// forge an event (SEC-34).
	EventStream Form = iota
	// WebSocket is a text frame for each notification (RFC 6455).
	WebSocket
)

// append writes a frame behind what is there.
func (f Form) append(to []byte, frame Frame) []byte {
	if f == WebSocket {
		return append(appendHeader(to, ws.OpText, len(frame.JSON)), frame.JSON...)
	}
	if frame.ID != "" {
		to = append(append(append(to, "id: "...), frame.ID...), '\n')
	}
	to = append(append(append(to, "event: "...), frame.Kind...), "\ndata: "...)
	return append(append(to, frame.JSON...), "\n\n"...)
}

// appendHeader writes the head of an unmasked frame that is whole (RFC 6455, 5.2).
func appendHeader(to []byte, op ws.OpCode, length int) []byte {
	to = append(to, 0x80|byte(op))
	switch {
	case length < 126:
		return append(to, byte(length))
	case length < 1<<16:
		return binary.BigEndian.AppendUint16(append(to, 126), uint16(length))
	}
	return binary.BigEndian.AppendUint64(append(to, 127), uint64(length))
}

// ending is what is written last; nothing where the form has no such thing.
func (f Form) ending(why error) []byte {
	if f != WebSocket {
		return nil
	}
	code := ws.StatusGoingAway
	switch refusal, refused := errors.AsType[*protocolError](why); {
	case refused:
		code = refusal.code
	case errors.Is(why, errGone):
		code = ws.StatusNormalClosure
	case errors.Is(why, ErrTokenGone), errors.Is(why, ErrReplaced):
		code = ws.StatusPolicyViolation
	}
	text := why.Error()
	body := ws.NewCloseFrameBody(code, text[:min(len(text), 100)])
	return append(appendHeader(nil, ws.OpClose, len(body)), body...)
}

// protocolError is what a peer did against RFC 6455.
type protocolError struct {
	code ws.StatusCode
	why  string
}

func (e *protocolError) Error() string { return e.why }
