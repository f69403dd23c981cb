//go:build linux

package store

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

const socket = ".s.PGSQL.5432"

// way is a way to a server that can be long, and be cut: 1 before a commit reaches it, 2 when that is done and the answer is under way,
// 3 at some other message. It counts how often the program waits for the server.
type way struct {
	server string        // the folder of its socket
	folder string        // of the way's own
	delay  time.Duration // in each direction
	cut    atomic.Int32
	after  atomic.Int32 // answers to commits that were lost
	trips  atomic.Int64 // the server was ready for more, having done all that it was given
}

// newWay makes a way to the server at an address.
func newWay(t testing.TB, server string, delay time.Duration) *way {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "callboard-way-") // a path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(folder, socket))
	if err != nil {
		t.Fatal(err)
	}
	w := &way{server: u.Query().Get("host"), folder: folder, delay: delay}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("unix", filepath.Join(w.server, socket))
			if err != nil {
				c.Close()
				continue
			}
			asked, answered := w.later(s, &running), w.later(c, &running)
			running.Go(func() { w.pass(c, s, asked) })
			running.Go(func() { w.passBack(c, s, answered) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
		os.RemoveAll(folder)
	})
	return w
}

// to is the address of the server by this way.
func (w *way) to(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // it was read before
	}
	q := u.Query()
	q.Set("host", w.folder)
	u.RawQuery = q.Encode()
	return u.String()
}

// piece is what is under way. nil: it is the end.
type piece struct {
	due  time.Time
	text []byte
}

// later writes what it is given when it is due. However much is under way, each piece takes the same time, as on a wire.
func (w *way) later(to net.Conn, running *sync.WaitGroup) chan<- piece {
	pieces := make(chan piece, 1000)
	running.Go(func() {
		for p := range pieces {
			if wait := time.Until(p.due); wait > 0 {
				rest := syscall.NsecToTimespec(int64(wait))
				syscall.Nanosleep(&rest, nil) // time.Sleep takes a millisecond at least
			}
			to.Write(p.text) // if that is closed, so is the other end
		}
	})
	return pieces
}

// pass hands on what the program says.
func (w *way) pass(c, s net.Conn, asked chan<- piece) {
	defer c.Close()
	defer s.Close()
	defer close(asked)
	for {
		buffer := make([]byte, 64<<10)
		n, err := c.Read(buffer)
		if err != nil {
			return
		}
		commit := bytes.Contains(bytes.ToLower(buffer[:n]), []byte("commit\x00"))
		switch cut := w.cut.Load(); {
		case cut == 1 && commit, cut == 3 && !commit && rand.IntN(3) == 0:
			return
		case cut == 2 && commit:
			w.after.Add(1)
			c.Close()           // the answer finds nobody
			s.Write(buffer[:n]) // the server reads it, and then that nobody is there
			return
		}
		asked <- piece{time.Now().Add(w.delay), buffer[:n]}
	}
}

// passBack hands on what the server says.
func (w *way) passBack(c, s net.Conn, answered chan<- piece) {
	defer c.Close()
	defer close(answered)
	var head []byte // a letter, and the length of the message from there on
	for left := 0; ; {
		buffer := make([]byte, 64<<10)
		n, err := s.Read(buffer)
		if err != nil {
			return
		}
		for text := buffer[:n]; len(text) > 0; {
			if left > 0 {
				skip := min(left, len(text))
				text, left = text[skip:], left-skip
				continue
			}
			if head, text = append(head, text[0]), text[1:]; len(head) < 5 {
				continue
			}
			if head[0] == 'Z' { // ReadyForQuery
				w.trips.Add(1)
			}
			left, head = int(binary.BigEndian.Uint32(head[1:]))-4, nil
		}
		answered <- piece{time.Now().Add(w.delay), buffer[:n]}
	}
}

// BenchmarkCommitFar is the same at a server to which it takes half a millisecond, and as long back.
func BenchmarkCommitFar(b *testing.B) {
	commitBench(b, func() string {
		at := pgtest.Database(b)
		return newWay(b, at, 500*time.Microsecond).to(at)
	})
}
