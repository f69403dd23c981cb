//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// peer is a kind of server that is measured.
type peer struct {
	name  string
	needs string // the program that must be there
	start func(folder string) (server, error)
	most  int  // more followers than this it refuses; 0: no limit
	merge bool // it skips changes where several are under way
}

// server is a running one. Followers and writers are sockets that have been greeted already.
type server interface {
	pid() int
	// follow returns a socket that is told of every change.
	follow() (*sock, error)
	// writer returns one whose changes all are told of.
	writer() (*sock, error)
	// change appends what a writer sends to make change n.
	change(to []byte, n int) []byte
	// hop returns the sockets of one of three apps, and what the app says when it has read something.
	hop(i int) (hop, error)
	stop()
}

// hop is an app of the three: the first is told what the last one wrote.
type hop struct {
	in, out *sock
	// answer appends what the app writes for a message with mark n. seen tells marks that are not for this app.
	answer func(to, message []byte, n int) []byte
	framed bool // messages are whole WebSocket frames
}

// claimer is a server that writes records and answers once that is durable.
type claimer interface {
	server
	claims() (*sock, error)
	// claim appends a write of record r; its answer bears the mark n.
	claim(to []byte, r, n int) []byte
}

const (
	limitName = "limit"
	offName   = "Callboard, no commits"
	ourName   = "Callboard"
	sseName   = "Callboard SSE"
)

// peers in the order in which each repetition measures them.
func peers() []peer {
	return []peer{limitPeer, callboardPeer, callboardOff, callboardSSE, redisPeer, redisRecord, natsPeer, jetStream}
}

// process is a server's process. It ends with this one.
type process struct {
	cmd    *exec.Cmd
	input  io.Closer
	pipe   *os.File
	output *bufio.Reader // of what the server says
	folder string
}

func startProcess(folder, program string, args ...string) (*process, error) {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Dir = folder
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, said, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		output.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return &process{cmd: cmd, input: input, pipe: output, output: bufio.NewReader(output), folder: folder}, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// address waits until the server says where it is, in the line that has this text, after it.
func (p *process) address(before string) (string, error) {
	if err := p.pipe.SetReadDeadline(time.Now().Add(patience * time.Second)); err != nil {
		return "", err
	}
	var said strings.Builder
	for {
		line, err := p.output.ReadString('\n')
		said.WriteString(line)
		if err != nil {
			return "", fmt.Errorf("%s does not say where it is: %w: it said %q", p.cmd.Path, err, said.String())
		}
		if _, address, ok := strings.Cut(strings.TrimSpace(line), before); ok {
			address, _, _ = strings.Cut(address, "/")
			return address, p.pipe.SetReadDeadline(time.Time{})
		}
	}
}

func (p *process) stop() {
	p.input.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
	p.pipe.Close()
}

// freePort is one that nobody listened on a moment ago.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// answers waits until something listens.
func answers(addr string) error {
	for end := time.Now().Add(patience * time.Second); ; time.Sleep(time.Millisecond) {
		s, err := dial(addr, 0)
		if err == nil {
			s.close()
			return nil
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// measured starts a server, hands it on and ends it.
func measured(p peer, use func(server) error) error {
	folder, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	s, err := p.start(folder)
	if err != nil {
		return err
	}
	defer s.stop()
	return use(s)
}

// scratch is a folder on a disk, so that what is durable costs what it costs.
var scratch string
