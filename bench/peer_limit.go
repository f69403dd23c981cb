//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

var (
	limitPeer    = peer{name: limitName, start: func(folder string) (server, error) { return startLimit(folder, "") }}
	limitDurable = peer{name: "limit, durable", start: func(folder string) (server, error) {
		return startLimit(folder, filepath.Join(folder, "log"))
	}}
)

// bare is the bare server in a process of its own.
type bare struct {
	*process
	addr string
	revs map[int]int
}

func startLimit(folder, log string) (server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(folder, self, "limit", log)
	if err != nil {
		return nil, err
	}
	addr, err := p.address("at ")
	if err != nil {
		p.stop()
		return nil, err
	}
	return &bare{p, addr, map[int]int{}}, nil
}

func (b *bare) follow() (*sock, error) { return webSocket(b.addr, "/all/-", "", 0) }

func (b *bare) writer() (*sock, error) { return webSocket(b.addr, "/-/all", "", 0) }

func (b *bare) change(to []byte, n int) []byte {
	return payload(frameHead(to, payloadSize, true), n)
}

func (b *bare) hop(i int) (hop, error) {
	s, err := webSocket(b.addr, fmt.Sprintf("/hop%d/hop%d", i, (i+1)%3), "", 0)
	return hop{in: s, out: s, answer: func(to, _ []byte, n int) []byte { return b.change(to, n) }}, err
}

func (b *bare) claims() (*sock, error) { return webSocket(b.addr, "/claims", "", 0) }

func (b *bare) claim(to []byte, r, n int) []byte {
	text := fmt.Appendf(nil, `{"type":"claim","id":"@@%08d","key":"rec_%012d","rev":%d,"field":"party.name","value":"%s"}`, n, r, b.revs[r], claimValue(n))
	b.revs[r]++
	return clientFrame(to, text)
}

// claimValue has 62 bytes and is another for each n.
func claimValue(n int) string { return fmt.Sprintf("%08d %.53s", n, filler) }

func runLimit() {
	runtime.LockOSThread()
	fmt.Fprintln(os.Stderr, limitServer(os.Args[2]))
	os.Exit(1)
}
