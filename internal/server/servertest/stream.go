package servertest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/callboard-dev/callboard/api"
)

// Notification is one that came on a stream, with its data as the api type of its kind.
type Notification struct {
	api.Notification
	Payload any
	EventID string // of a server-sent event: its id line
}

// Stream reads server-sent events as Callboard writes them, more strictly than the standard demands: a frame is id (unless
// it is a work), event and one line of data, in this order, each once; event and id repeat what the data says.
type Stream struct {
	contract *Contract
	in       *bufio.Reader
}

// NewStream reads a body.
func (c *Contract) NewStream(body io.Reader) *Stream {
	return &Stream{contract: c, in: bufio.NewReaderSize(body, 1<<20)}
}

// Next blocks until the next frame. At a clean end the error is io.EOF.
func (s *Stream) Next() (Notification, error) {
	var n Notification
	fields := []string{"id: ", "event: ", "data: "}
	values := map[string]string{}
	for i := 0; ; {
		line, err := s.in.ReadString('\n')
		if err == io.EOF && line == "" && len(values) == 0 {
			return n, io.EOF
		}
		if err != nil {
			return n, fmt.Errorf("a frame is cut: %q: %w", line, err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			break
		}
		if strings.ContainsAny(line, "\r\x00\u2028\u2029") {
			return n, fmt.Errorf("a line has a raw line break: %q", line)
		}
		if i == 0 && !strings.HasPrefix(line, fields[0]) {
			i++ // no id
		}
		if i == len(fields) || !strings.HasPrefix(line, fields[i]) {
			return n, fmt.Errorf("a line that a frame does not have here: %.300q", line)
		}
		values[fields[i]] = strings.TrimPrefix(line, fields[i])
		i++
	}
	data, ok := values["data: "]
	if !ok {
		return n, fmt.Errorf("a frame without data: %v", values)
	}
	return s.contract.read([]byte(data), values["id: "], values["event: "])
}

func (c *Contract) read(data []byte, id, event string) (Notification, error) {
	inner, payload, err := c.Notification(data)
	n := Notification{Notification: inner, Payload: payload, EventID: id}
	switch {
	case err != nil:
		return n, err
	case string(n.Type) != event:
		return n, fmt.Errorf("a frame's event is %q, its data says %q", event, n.Type)
	case (n.Type == api.NotificationTypeWork || n.Coalesced) && id != "":
		return n, fmt.Errorf("a %s has the id line %q: it is no place to go on from", n.Type, id)
	case n.Type != api.NotificationTypeWork && !n.Coalesced && id != n.ID:
		return n, fmt.Errorf("a frame's id is %q, its data says %q", id, n.ID)
	}
	return n, nil
}

// Message reads a WebSocket message: a notification, or what answers an answer (*api.AnsweredFrame,
// *api.ProgressedFrame, *api.ProblemFrame).
func (c *Contract) Message(raw []byte) (Notification, any, error) {
	var kind struct {
		Type        string `json:"type"`
		Specversion string `json:"specversion"`
	}
	if err := json.Unmarshal(raw, &kind); err != nil {
		return Notification{}, nil, fmt.Errorf("a message is no JSON: %w: %.300s", err, raw)
	}
	switch {
	case kind.Specversion == "" && kind.Type == string(api.ClaimedFrameTypeClaimed):
		f := new(api.ClaimedFrame)
		return Notification{}, f, c.Frame("ClaimedFrame", raw, f)
	case kind.Specversion == "" && kind.Type == string(api.AnsweredFrameTypeAnswered):
		f := new(api.AnsweredFrame)
		return Notification{}, f, c.Frame("AnsweredFrame", raw, f)
	case kind.Specversion == "" && kind.Type == string(api.ProgressedFrameTypeProgressed):
		f := new(api.ProgressedFrame)
		return Notification{}, f, c.Frame("ProgressedFrame", raw, f)
	case kind.Specversion == "" && kind.Type == string(api.ProblemFrameTypeProblem):
		f := new(api.ProblemFrame)
		return Notification{}, f, c.Frame("ProblemFrame", raw, f)
	}
	inner, payload, err := c.Notification(raw)
	return Notification{Notification: inner, Payload: payload}, nil, err
}
