package phone

import (
	"encoding/binary"
	"strings"
)

// told does what the PBX asks of the phone by a NOTIFY in the call's dialog, as desk phones do that are set to: Event talk
// answers a ringing call and takes a held one back, hold holds. It blocks until it is done.
func (c *Call) told(event string) {
	event, _, _ = strings.Cut(strings.TrimSpace(event), ";")
	c.phone.mu.Lock()
	state, held, deaf := c.state, c.held, c.phone.o.IgnoreTalk
	c.phone.mu.Unlock()
	var err error
	switch {
	case deaf:
		return
	case event == "talk" && c.Incoming && state < answered:
		err = c.Answer(c.phone.ctx)
	case event == "talk" && state == answered && held:
		err = c.Resume(c.phone.ctx)
	case event == "hold" && state == answered && !held:
		err = c.Hold(c.phone.ctx)
	}
	if err != nil {
		c.phone.note(c.ID, "trouble", "NOTIFY %s: %v", event, err)
	}
}

// hear notes a digit that the other side sends (RFC 4733), once: its end comes three times, under one time stamp.
func (m *media) hear(packet []byte, last uint32) uint32 {
	const header = 12
	if len(packet) < header+4 || packet[1]&0x7f != eventType || packet[0]&0x1f != 0 {
		return last
	}
	stamp, payload := binary.BigEndian.Uint32(packet[4:]), packet[header:]
	if payload[1]&0x80 == 0 || stamp == last || int(payload[0]) >= len(eventDigits) {
		return last
	}
	m.phone.note("", "heard", "%c", eventDigits[payload[0]])
	return stamp
}
