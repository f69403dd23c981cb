package phone

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/srtp/v3"
)

const (
	eventType  = 101 // payload type of telephone events, RFC 4733
	frameSize  = 160 // samples in 20 ms
	frameTime  = 20 * time.Millisecond
	keySize    = 30 // AES-128 key and 112 bit salt
	eventSteps = 5  // packets of one digit
	pauseSteps = 3
)

// media is the audio of one call. Packets must flow: Asterisk takes its Local channels out of a call only
// when a frame passes.
type media struct {
	phone *Phone
	conn  *net.UDPConn
	id    int // of the SDP session

	sent, received atomic.Uint64
	digits         chan digit

	mu      sync.Mutex // guards what follows
	ctx     context.Context
	cancel  context.CancelFunc // nil until started
	closed  bool
	version int
	own     session
	remote  session
	out, in *srtp.Context // nil: not encrypted
	opened  chan struct{} // closed and made again with every packet received
}

type digit struct {
	event byte
	done  chan struct{}
}

func (p *Phone) newMedia(ctx context.Context) (*media, error) {
	pc, err := new(net.ListenConfig).ListenPacket(ctx, "udp4", net.JoinHostPort(p.o.Addr, "0"))
	if err != nil {
		return nil, fmt.Errorf("phone %s: audio port: %w", p.o.User, err)
	}
	conn := pc.(*net.UDPConn)
	m := &media{
		phone: p, conn: conn, digits: make(chan digit), opened: make(chan struct{}),
		id:  int(time.Now().Unix()),
		own: session{addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), dir: sendrecv, tag: "1"},
	}
	if p.network == "TLS" {
		m.own.secure, m.own.key = true, make([]byte, keySize)
		rand.Read(m.own.key) // never fails
		if m.out, err = newSRTP(m.own.key); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return m, nil
}

func newSRTP(key []byte) (*srtp.Context, error) {
	return srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
}

// describe makes the SDP for an offer or answer and remembers its direction.
func (m *media) describe(dir direction) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version++
	m.own.dir = dir
	return m.own.write(m.id, m.version)
}

// accept takes over the other side's SDP.
func (m *media) accept(body []byte) error {
	remote, err := readSDP(body)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if remote.secure != m.own.secure || (remote.secure && remote.key == nil) {
		return fmt.Errorf("phone: SDP: encryption %v offered, want %v with %s", remote.secure, m.own.secure, cryptoSuite)
	}
	if remote.secure && string(remote.key) != string(m.remote.key) {
		if m.in, err = newSRTP(remote.key); err != nil {
			return err
		}
	}
	m.own.tag = remote.tag // an answer names the crypto line it takes, RFC 4568 section 5.1.2
	m.remote = remote
	return nil
}

// answerDir is our direction in an answer: what the offer lets us do, and on hold we do not listen.
func (m *media) answerDir(held bool) direction {
	m.mu.Lock()
	defer m.mu.Unlock()
	offer := m.remote.dir
	send := offer == sendrecv || offer == recvonly
	recv := offer == sendrecv || offer == sendonly
	return directionOf(send, recv && !held)
}

// start lets the audio flow; a second call does nothing.
func (m *media) start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.cancel != nil {
		return
	}
	m.ctx, m.cancel = context.WithCancel(m.phone.ctx)
	ctx := m.ctx
	m.phone.spawn(func() { m.sendLoop(ctx) })
	m.phone.spawn(m.receiveLoop)
}

func (m *media) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.cancel != nil {
		m.cancel()
	}
	m.conn.Close()
}

func (m *media) receiveLoop() {
	buf, digit := make([]byte, 2048), uint32(0)
	for {
		n, _, err := m.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < 12 { // ICMP about a packet of ours, or no RTP
			continue
		}
		m.mu.Lock()
		packet := buf[:n]
		if m.in != nil {
			if packet, err = m.in.DecryptRTP(nil, packet, nil); err != nil {
				m.mu.Unlock()
				m.phone.note("", "trouble", "SRTP: %v", err)
				continue
			}
		}
		m.received.Add(1)
		close(m.opened)
		m.opened = make(chan struct{})
		m.mu.Unlock()
		digit = m.hear(packet, digit)
	}
}

func (m *media) waitReceived(ctx context.Context, n uint64) error {
	n += m.received.Load()
	for {
		m.mu.Lock()
		got, opened, closed := m.received.Load(), m.opened, m.closed
		m.mu.Unlock()
		if got >= n {
			return nil
		}
		if closed {
			return fmt.Errorf("phone %s: the call ended after %d audio packets, waited for %d", m.phone.o.User, got, n)
		}
		select {
		case <-opened:
		case <-ctx.Done():
			return fmt.Errorf("phone %s: waiting for audio: %d packets so far, want %d: %w", m.phone.o.User, got, n, context.Cause(ctx))
		case <-m.phone.ctx.Done():
			return ErrClosed
		}
	}
}

const eventDigits = "0123456789*#ABCD" // RFC 4733 section 3.2, by event code

func (m *media) sendDigits(ctx context.Context, digits string) error {
	for _, r := range strings.ToUpper(digits) {
		code := strings.IndexRune(eventDigits, r)
		if code < 0 {
			return fmt.Errorf("phone: digit %q: want one of %s", r, eventDigits)
		}
		if err := m.sendDigit(ctx, byte(code)); err != nil {
			return err
		}
	}
	return nil
}

func (m *media) sendDigit(ctx context.Context, event byte) error {
	m.mu.Lock()
	audio := m.ctx
	m.mu.Unlock()
	if audio == nil {
		return errors.New("phone: the call has no audio yet")
	}
	d := digit{event: event, done: make(chan struct{})}
	digits := m.digits
	for {
		select {
		case digits <- d:
			digits = nil // once
		case <-d.done:
			return nil
		case <-audio.Done():
			select {
			case <-d.done: // the PBX may hang up at the last digit
				return nil
			default:
				return errors.New("phone: the call ended before the digits were out")
			}
		case <-ctx.Done():
			return fmt.Errorf("phone %s: sending digits: %w", m.phone.o.User, context.Cause(ctx))
		}
	}
}

// sender writes the packets of one call, one every 20 ms.
type sender struct {
	m     *media
	seq   uint16
	stamp uint32
	ssrc  uint32
	digit *digit
	begun uint32 // stamp of the digit
	step  int
}

func (m *media) sendLoop(ctx context.Context) {
	var seed [8]byte
	rand.Read(seed[:])
	s := &sender{m: m, ssrc: binary.BigEndian.Uint32(seed[:4]), seq: binary.BigEndian.Uint16(seed[4:]) & 0x7fff}
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.next()
		}
	}
}

// next sends the packet of this 20 ms: a digit's if one is due, otherwise audio.
func (s *sender) next() {
	s.stamp += frameSize
	if s.digit == nil {
		select {
		case d := <-s.m.digits:
			s.digit, s.step, s.begun = &d, 0, s.stamp
		default:
			s.audio()
			return
		}
	}
	s.step++
	switch {
	case s.step < eventSteps:
		s.event(false)
	case s.step == eventSteps: // the end is sent three times, RFC 4733 section 2.5.1.4
		for range 3 {
			s.event(true)
		}
		close(s.digit.done)
	case s.step == eventSteps+pauseSteps:
		s.digit = nil
	default:
		s.audio()
	}
}

func (s *sender) audio() {
	s.m.mu.Lock()
	quiet := s.m.own.dir == recvonly || s.m.own.dir == inactive
	s.m.mu.Unlock()
	if !quiet {
		s.packet(0, false, s.stamp, toneFrame)
	}
}

func (s *sender) event(end bool) {
	payload := []byte{s.digit.event, 10, 0, 0} // event, end bit and volume, duration
	if end {
		payload[1] |= 0x80
	}
	binary.BigEndian.PutUint16(payload[2:], uint16(min(s.step, eventSteps)*frameSize))
	s.packet(eventType, s.step == 1, s.begun, payload)
}

// packet sends one RTP packet, RFC 3550 section 5.1. Errors are not looked at: RTP has none to report, and
// a packet to a port that was just closed is usual at the end of a call.
func (s *sender) packet(kind byte, marker bool, stamp uint32, payload []byte) {
	s.seq++
	buf := make([]byte, 12, 12+len(payload)+16)
	buf[0], buf[1] = 0x80, kind
	if marker {
		buf[1] |= 0x80
	}
	binary.BigEndian.PutUint16(buf[2:], s.seq)
	binary.BigEndian.PutUint32(buf[4:], stamp)
	binary.BigEndian.PutUint32(buf[8:], s.ssrc)
	buf = append(buf, payload...)
	s.m.mu.Lock()
	to, out := s.m.remote.addr, s.m.out
	s.m.mu.Unlock()
	if out != nil {
		enc, err := out.EncryptRTP(nil, buf, nil)
		if err != nil {
			return
		}
		buf = enc
	}
	if to.Port() == 0 || to.Addr() == (netip.Addr{}) {
		return
	}
	if _, err := s.m.conn.WriteToUDPAddrPort(buf, to); err == nil {
		s.m.sent.Add(1)
	}
}

// toneFrame is 20 ms of a quiet 400 Hz in PCMU; 8 whole waves, so frames join.
var toneFrame = func() []byte {
	frame := make([]byte, frameSize)
	for i := range frame {
		frame[i] = muLaw(int(1500 * math.Sin(2*math.Pi*400*float64(i)/8000)))
	}
	return frame
}()

// muLaw encodes a 14 bit sample, ITU-T G.711.
func muLaw(sample int) byte {
	sign := 0
	if sample < 0 {
		sign, sample = 0x80, -sample
	}
	sample = min(sample, 8158) + 33
	exponent := 0
	for v := sample >> 6; v > 0; v >>= 1 {
		exponent++
	}
	return byte(^(sign | exponent<<4 | (sample>>(exponent+1))&0x0f))
}

// sdpOf is the SDP of a message, nil without.
func sdpOf(msg received) []byte {
	if t := msg.ContentType(); t == nil || !strings.HasPrefix(strings.ToLower(t.Value()), sdpType) {
		return nil
	}
	return msg.Body()
}
