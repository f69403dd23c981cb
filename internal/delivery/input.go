package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// MaxMessage bounds a message from a peer, in bytes (SEC-23).
const MaxMessage = 64 << 10

// read reads from the peer until it, or the stream, ends. What a peer sends on an event stream is of no interest.
func (r *Reader) read(early []byte, receiver Receiver) error {
	in := input{reader: r, receiver: receiver}
	if r.Form == EventStream {
		early = nil
	}
	take := func(data []byte) error {
		if r.Form != WebSocket || r.over() { // then it only waits for the peer's end
			return nil
		}
		return in.takeTogether(data)
	}
	if len(early) > 0 {
		if err := in.takeTogether(early); err != nil {
			return err
		}
	}
	for {
		if err := r.conn.ReadSome(take); errors.Is(err, io.EOF) {
			return errGone
		} else if err != nil {
			return err
		}
	}
}

// drain reads until the peer has closed its half, or its time for that is over.
func (r *Reader) drain() {
	for r.conn.ReadSome(func([]byte) error { return nil }) == nil {
	}
}

// input takes WebSocket frames apart.
type input struct {
	reader   *Reader
	receiver Receiver
	together int    // messages since the receiver's Begin
	held     []byte // of a frame that is not whole yet
	message  []byte // of a message that is not whole yet
	state    ws.State
	text     bool
}

// messagesTogether is how many of them the receiver may take for one: fewer than replies may wait, so that those before can
// always leave.
const messagesTogether = acksAtMost / 4

// takeTogether takes what was read at once; what comes of it is written by a turn on this goroutine.
func (in *input) takeTogether(data []byte) error {
	in.begin()
	defer in.end()
	return in.take(data)
}

func (in *input) begin() {
	in.together = 0
	in.reader.loop.held.Add(1)
	in.receiver.Begin()
}

func (in *input) end() {
	in.receiver.End()
	in.reader.loop.held.Add(-1)
	in.reader.loop.turnHere()
}

// take reads the frames that are whole and keeps what is left.
func (in *input) take(data []byte) error {
	if len(in.held) > 0 {
		in.held = append(in.held, data...)
		data = in.held
	}
	for len(data) > 0 {
		head, size, err := header(data)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err == nil {
			err = in.check(head)
		}
		if err != nil {
			return err
		}
		if len(data) < size+int(head.Length) {
			break
		}
		payload := data[size : size+int(head.Length)]
		ws.Cipher(payload, head.Mask, 0)
		if err := in.frame(head, payload); err != nil {
			return err
		}
		data = data[size+int(head.Length):]
	}
	if len(data) == 0 {
		in.held = nil
	} else {
		in.held = append([]byte(nil), data...)
	}
	return nil
}

// header reads the head of a frame; io.ErrUnexpectedEOF if it is not all there.
func header(data []byte) (ws.Header, int, error) {
	from := bytes.NewReader(data)
	head, err := ws.ReadHeader(from)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = &protocolError{ws.StatusProtocolError, err.Error()}
	}
	return head, len(data) - from.Len(), err
}

func (in *input) check(head ws.Header) error {
	if err := ws.CheckHeader(head, in.state|ws.StateServerSide); err != nil {
		return &protocolError{ws.StatusProtocolError, err.Error()}
	}
	if head.Length > MaxMessage || !head.OpCode.IsControl() && int64(len(in.message))+head.Length > MaxMessage {
		return &protocolError{ws.StatusMessageTooBig, fmt.Sprintf("a message may have %d bytes", MaxMessage)}
	}
	return nil
}

// frame acts on a frame.
func (in *input) frame(head ws.Header, payload []byte) error {
	switch head.OpCode {
	case ws.OpPing:
		in.reader.send(append(appendHeader(nil, ws.OpPong, len(payload)), payload...))
		return nil
	case ws.OpPong:
		return nil
	case ws.OpClose:
		return errGone
	case ws.OpText, ws.OpBinary:
		in.text = head.OpCode == ws.OpText
	}
	if !head.Fin {
		in.message, in.state = append(in.message, payload...), in.state.Set(ws.StateFragmented)
		return nil
	}
	if in.state.Fragmented() {
		payload = append(in.message, payload...)
		in.message, in.state = nil, in.state.Clear(ws.StateFragmented)
	}
	if in.text && !utf8.Valid(payload) {
		return &protocolError{ws.StatusInvalidFramePayloadData, "a text message is not UTF-8"}
	}
	in.reader.reply(in.receiver.Received(payload))
	if in.together++; in.together == messagesTogether {
		in.end()
		in.begin()
	}
	return nil
}

// send writes bytes of the reader's own that answer no message.
func (r *Reader) send(bytes []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.lane != ended && len(r.owed) > owedAtMost {
		r.room.Wait()
	}
	r.sendLocked(bytes)
}
