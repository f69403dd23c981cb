//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// limit is the bare server: one thread, one epoll, sockets that do not block, frames that are written once per app for all that
// came in one read. Its paths: /in/out is told what is sent to in, and sends to out; - is nothing. /claims writes records.
type limit struct {
	epoll    int
	listener int
	conns    map[int]*limitConn
	topics   map[string]*topic
	touched  []*topic
	records  map[string]*limitRecord
	log      *os.File // nil: nothing is durable
	logEnd   int64
	unsynced []byte
	waiting  []*limitConn // for the log to be durable
	buf      []byte
}

const logSize = 16 << 20

type topic struct {
	batch []byte
	apps  []*limitConn
}

type limitConn struct {
	fd     int
	open   bool
	in     []byte // of a frame that is not whole yet
	out    []byte // the socket was full
	to     *topic
	claims bool
	acked  []byte // answers to claims, once they are durable
}

type limitRecord struct {
	rev          int
	field, value string
}

// limitServer serves until its input ends. It says where on its output.
func limitServer(logFile string) error {
	l := &limit{conns: map[int]*limitConn{}, topics: map[string]*topic{}, records: map[string]*limitRecord{}, buf: make([]byte, readAtMost)}
	if logFile != "" {
		f, err := os.Create(logFile)
		if err != nil {
			return err
		}
		l.log = f
		// Written before and then over again: a file that grows costs a sync of its size too.
		if _, err := f.Write(make([]byte, logSize)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := l.listen(); err != nil {
		return err
	}
	return l.serve()
}

func (l *limit) listen() error {
	var err error
	if l.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if l.listener, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := syscall.Bind(l.listener, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := syscall.Listen(l.listener, 4096); err != nil {
		return err
	}
	name, err := syscall.Getsockname(l.listener)
	if err != nil {
		return err
	}
	if err := l.interest(syscall.EPOLL_CTL_ADD, l.listener, syscall.EPOLLIN); err != nil {
		return err
	}
	_, err = fmt.Printf("at 127.0.0.1:%d\n", name.(*syscall.SockaddrInet4).Port)
	return err
}

func (l *limit) interest(op, fd int, events uint32) error {
	return syscall.EpollCtl(l.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (l *limit) serve() error {
	var events [512]syscall.EpollEvent
	for {
		n, err := syscall.EpollWait(l.epoll, events[:], -1)
		if err != nil && err != syscall.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == l.listener {
				if err := l.accept(); err != nil {
					return err
				}
				continue
			}
			c := l.conns[int(e.Fd)]
			if c == nil {
				continue
			}
			if e.Events&syscall.EPOLLOUT != 0 {
				l.drain(c)
			}
			if e.Events&^uint32(syscall.EPOLLOUT) != 0 {
				l.read(c)
			}
		}
		if err := l.settle(); err != nil {
			return err
		}
	}
}

func (l *limit) accept() error {
	for {
		fd, _, err := syscall.Accept4(l.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err == syscall.EAGAIN {
			return nil
		}
		if err != nil {
			return err
		}
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		l.conns[fd] = &limitConn{fd: fd}
		if err := l.interest(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN); err != nil {
			return err
		}
	}
}

func (l *limit) drop(c *limitConn) {
	delete(l.conns, c.fd)
	syscall.Close(c.fd)
	for _, t := range l.topics {
		for i, a := range t.apps {
			if a == c {
				t.apps = append(t.apps[:i], t.apps[i+1:]...)
				break
			}
		}
	}
}

// read takes what one read gives, and writes what comes of it before the next.
func (l *limit) read(c *limitConn) {
	n, err := syscall.Read(c.fd, l.buf)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return
	}
	if err != nil || n == 0 {
		l.drop(c)
		return
	}
	data := l.buf[:n]
	if len(c.in) > 0 {
		c.in = append(c.in, data...)
		data = c.in
	}
	if !c.open {
		if !bytes.HasSuffix(data, []byte("\r\n\r\n")) {
			c.in = append([]byte(nil), data...)
			return
		}
		c.in = nil
		l.welcome(c, string(data))
		return
	}
	rest := eachFrame(data, func(payload []byte) { l.received(c, payload) })
	if len(rest) > 0 {
		c.in = append([]byte(nil), rest...)
	} else {
		c.in = nil
	}
	for _, t := range l.touched {
		for _, a := range t.apps {
			l.write(a, t.batch)
		}
		t.batch = t.batch[:0]
	}
	l.touched = l.touched[:0]
}

func (l *limit) welcome(c *limitConn, request string) {
	_, path, _ := strings.Cut(request, "/")
	path, _, _ = strings.Cut(path, " ")
	_, key, _ := strings.Cut(request, "Sec-WebSocket-Key: ")
	key, _, _ = strings.Cut(key, "\r\n")
	c.open, c.claims = true, path == "claims"
	l.write(c, []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+acceptance(key)+"\r\n\r\n"))
	in, out, _ := strings.Cut(path, "/")
	if in != "-" && !c.claims {
		t := l.topic(in)
		t.apps = append(t.apps, c)
	}
	c.to = l.topic(out)
}

func (l *limit) topic(name string) *topic {
	if l.topics[name] == nil {
		l.topics[name] = &topic{}
	}
	return l.topics[name]
}

func (l *limit) received(c *limitConn, payload []byte) {
	if c.claims {
		l.claim(c, payload)
		return
	}
	if len(c.to.batch) == 0 {
		l.touched = append(l.touched, c.to)
	}
	c.to.batch = append(frameHead(c.to.batch, len(payload), false), payload...)
}

// write writes what the socket takes and keeps the rest: it has no bound, as it has no use but to be measured.
func (l *limit) write(c *limitConn, data []byte) {
	if len(c.out) > 0 {
		c.out = append(c.out, data...)
		return
	}
	n, err := syscall.Write(c.fd, data)
	if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
		return // its end is read
	}
	if n = max(n, 0); n < len(data) {
		c.out = append(c.out, data[n:]...)
		l.interest(syscall.EPOLL_CTL_MOD, c.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
	}
}

func (l *limit) drain(c *limitConn) {
	data := c.out
	c.out = nil
	l.write(c, data)
	if len(c.out) == 0 {
		l.interest(syscall.EPOLL_CTL_MOD, c.fd, syscall.EPOLLIN)
	}
}

// claim is compare-and-set of a record's field: {"id":…,"key":…,"rev":…,"field":…,"value":…}.
func (l *limit) claim(c *limitConn, payload []byte) {
	key := text(payload, `"key":"`)
	r := l.records[string(key)]
	if r == nil {
		r = &limitRecord{}
		l.records[string(key)] = r
	}
	if rev := number(after(payload, `"rev":`, ",")); rev == r.rev {
		r.rev++
		r.field, r.value = string(text(payload, `"field":"`)), string(text(payload, `"value":"`))
	}
	if l.log != nil {
		l.unsynced = append(append(l.unsynced, payload...), '\n')
	}
	if len(c.acked) == 0 {
		l.waiting = append(l.waiting, c)
	}
	id := text(payload, `"id":"`)
	answer := fmt.Appendf(nil, `{"type":"claimed","id":"%s","rev":%d}`, id, r.rev)
	c.acked = append(frameHead(c.acked, len(answer), false), answer...)
}

func text(payload []byte, key string) []byte { return after(payload, key, `"`) }

func after(payload []byte, key, end string) []byte {
	at := bytes.Index(payload, []byte(key))
	if at < 0 {
		return nil
	}
	rest := payload[at+len(key):]
	if before, _, ok := bytes.Cut(rest, []byte(end)); ok {
		return before
	}
	return nil
}

// settle makes durable what came in this turn, and then answers.
func (l *limit) settle() error {
	if len(l.waiting) == 0 {
		return nil
	}
	if l.log != nil {
		if l.logEnd+int64(len(l.unsynced)) > logSize {
			l.logEnd = 0
		}
		if _, err := l.log.WriteAt(l.unsynced, l.logEnd); err != nil {
			return err
		}
		l.logEnd += int64(len(l.unsynced))
		if err := syscall.Fdatasync(int(l.log.Fd())); err != nil {
			return err
		}
		l.unsynced = l.unsynced[:0]
	}
	for _, c := range l.waiting {
		l.write(c, c.acked)
		c.acked = c.acked[:0]
	}
	l.waiting = l.waiting[:0]
	return nil
}
