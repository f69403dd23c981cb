package ami

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// reconnected stands in a recording between two connections.
const reconnected = "### reconnect\n"

// Recording is what was received on manager connections, byte for byte, and when. Between two connections stands a line
// "### reconnect".
type Recording struct {
	wire  []byte
	reads []read
}

// read is one read of the recorded connection: the bytes before end had arrived at a time.
type read struct {
	end int
	at  time.Time
}

// NewRecording takes the bytes received and, if times is not nil, lines "offset length unix_ms" of every read. Without
// them the Timestamp headers of the events are the clock, if there are any.
func NewRecording(wire []byte, times io.Reader) (*Recording, error) {
	r := &Recording{wire: wire}
	if times == nil {
		return r, nil
	}
	scan := bufio.NewScanner(times)
	for n := 1; scan.Scan(); n++ {
		line := scan.Text()
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		var offset, length int
		var ms int64
		if _, err := fmt.Sscan(line, &offset, &length, &ms); err != nil {
			return nil, fmt.Errorf("line %d of the times is not \"offset length unix_ms\": %q", n, line)
		}
		r.reads = append(r.reads, read{offset + length, time.UnixMilli(ms)})
	}
	return r, scan.Err()
}

// Begin is when the first byte arrived; zero if there are no times.
func (r *Recording) Begin() time.Time {
	if len(r.reads) == 0 {
		return time.Time{}
	}
	return r.reads[0].at
}

// Replay runs the recording through the codec and the mapper that a Connector uses, and reports what a Connector would
// have reported. Any list of Status in it counts as the snapshot.
func (r *Recording) Replay(report func(telephony.Observation)) error {
	offset := 0
	var last time.Time
	for i, stream := range bytes.Split(r.wire, []byte(reconnected)) {
		if i > 0 {
			report(telephony.Observation{ObservedAt: last, Fact: telephony.LinkLost{}})
		}
		var err error
		if last, err = r.replayStream(stream, offset, last, report); err != nil {
			return fmt.Errorf("connection %d: %w", i+1, err)
		}
		offset += len(stream) + len(reconnected)
	}
	return nil
}

// replayStream is a session's event loop with the recorder's snapshot in place of ours.
func (r *Recording) replayStream(stream []byte, offset int, last time.Time, report func(telephony.Observation)) (time.Time, error) {
	source := bytes.NewReader(stream)
	reader := NewReader(source)
	if _, err := reader.Banner(); err != nil {
		return last, err
	}
	s := &session{config: Config{Logger: slog.New(slog.DiscardHandler)}, reader: reader, report: report, snapshot: &snapshot{}}
	for {
		m, err := reader.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return last, nil
		}
		if err != nil {
			return last, err
		}
		last = r.clock(m, offset+len(stream)-source.Len()-(reader.end-reader.start), last)
		s.adopt(m)
		if m.Event() != nil {
			if err := s.event(m, last); err != nil {
				return last, err
			}
		}
	}
}

// adopt takes a list of Status that somebody else asked for as the snapshot.
func (s *session) adopt(m *Message) {
	if kind := string(m.Event()); s.snapshot != nil && s.snapshot.id == "" && (kind == "Status" || kind == "StatusComplete") {
		s.snapshot.id = m.Text("ActionID")
	}
}

// clock is when the bytes before a place had arrived, else what the message itself says, else when the last one came.
func (r *Recording) clock(m *Message, place int, last time.Time) time.Time {
	if len(r.reads) > 0 {
		i, _ := slices.BinarySearchFunc(r.reads, place, func(each read, place int) int { return each.end - place })
		return r.reads[min(i, len(r.reads)-1)].at
	}
	if at := stamp(m); !at.IsZero() {
		return at
	}
	return last
}
