package main

import (
	"context"
	"runtime/metrics"
	"testing"
	"time"
)

// What was freed goes back to the system soon after the program has come to rest.
func TestMemoryIsGivenBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); giveBack(ctx) }()
	defer func() { cancel(); <-ended }()
	held := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	const size = 64 << 20
	garbage = make([]byte, size)
	garbage = nil
	for end := time.Now().Add(time.Minute); ; time.Sleep(lookEvery / 5) {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		if s[0].Value.Uint64() < size && held() < size/4 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d bytes are held", held())
		}
	}
}

var garbage []byte
