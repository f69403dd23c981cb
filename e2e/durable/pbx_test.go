//go:build linux

package durable

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

const account, secret = "u1001", "s3cret"

func startPBX(t *testing.T) *demopbx.PBX {
	t.Helper()
	pbx, err := demopbx.New(demopbx.Options{Speed: 20, LoginDelay: time.Millisecond, WriteTimeout: 5 * time.Second, Accounts: map[string]demopbx.Account{
		account: {Secret: secret, Read: "call,system", Write: "call,reporting,originate"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pbx.Close() })
	return pbx
}

// tap stands between Callboard and the PBX and hears which numbers that is told to call.
type tap struct {
	listener net.Listener
	pbx      string
	dialed   func(number string)
	running  sync.WaitGroup
}

func startTap(t *testing.T, pbx string, dialed func(string)) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{listener: l, pbx: pbx, dialed: dialed}
	p.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.join(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.running.Wait()
	})
	return p
}

func (p *tap) join(conn net.Conn) {
	defer conn.Close()
	pbx, err := net.Dial("tcp", p.pbx)
	if err != nil {
		return
	}
	defer pbx.Close()
	var back sync.WaitGroup
	back.Go(func() {
		io.Copy(conn, pbx)
		conn.Close()
	})
	in, originates := bufio.NewReader(conn), false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case name == "":
			originates = false
		case name == "Action":
			originates = value == "Originate"
		case name == "Exten" && originates && len(value) >= 10:
			p.dialed("+1" + value[len(value)-10:])
		}
		if _, err := io.WriteString(pbx, line); err != nil {
			break
		}
	}
	pbx.Close()
	back.Wait()
}
