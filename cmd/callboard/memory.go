package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go collects whenever as much was allocated as is held, and keeps what it has freed. A program that holds little and is busy
// would collect all the time; one that waits for calls on somebody's computer for hours keeps what nobody needs.
const (
	lookEvery   = 500 * time.Millisecond
	giveNotMore = 3 * time.Second // than once in
	atRest      = 256 << 10       // bytes allocated between two looks
	worthIt     = 4 << 20         // bytes allocated since memory was given back
	roomToWork  = 64 << 20        // bytes that may be allocated before the next collection, however little is held
	most        = 1000            // percent of what is held, likewise
)

// memory is what was seen of it.
type memory struct {
	percent         int // of the collector; zero: the person has set it (GOGC)
	allocated, back uint64
	backAt          time.Time
}

// watchMemory keeps collections rare while there is much to do, and gives memory back once it is done, until ctx ends.
func watchMemory(ctx context.Context) {
	m := memory{percent: 100}
	if os.Getenv("GOGC") != "" {
		m.percent = 0
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		m.look(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *memory) look(now time.Time) {
	seen := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(seen)
	allocated, held := seen[0].Value.Uint64(), max(seen[1].Value.Uint64(), 1)
	if percent := int(min(max(roomToWork*100/held, 100), most)) / 50 * 50; m.percent != 0 && percent != m.percent {
		m.percent = percent
		debug.SetGCPercent(percent)
	}
	if allocated-m.allocated < atRest && allocated-m.back > worthIt && now.Sub(m.backAt) >= giveNotMore {
		debug.FreeOSMemory()
		m.back, m.backAt = allocated, now
	}
	m.allocated = allocated
}
