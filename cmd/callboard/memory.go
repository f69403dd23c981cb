package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How memory is given back to the system: Go keeps what it has freed for as long as it allocates little, and a program that waits
// for calls on somebody's computer allocates little for hours.
const (
	lookEvery   = 500 * time.Millisecond
	giveNotMore = 3 * time.Second // than once in
	atRest      = 256 << 10       // bytes allocated between two looks
	worthIt     = 4 << 20         // bytes allocated since memory was given back
)

// giveBack gives memory back when there was something to do and it is done, until ctx ends.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var last, given uint64
	var at time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			metrics.Read(allocated)
			all := allocated[0].Value.Uint64()
			if all-last < atRest && all-given > worthIt && now.Sub(at) >= giveNotMore {
				debug.FreeOSMemory()
				given, at = all, now
			}
			last = all
		}
	}
}
