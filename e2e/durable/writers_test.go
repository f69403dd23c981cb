//go:build linux

package durable

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callboard-dev/callboard/e2e/history"
)

// write starts those who write: people at the page, two that fight for an exclusive field, and one that dials.
func (s *story) write(ctx context.Context, running *sync.WaitGroup) {
	var numbers atomic.Int64
	for i := range 3 {
		c := s.client(fmt.Sprint("person ", i))
		rng := rand.New(rand.NewPCG(s.seed, uint64(10+i)))
		running.Go(func() {
			for ctx.Err() == nil {
				s.deed(ctx, &c, rng, &numbers)
				sleep(ctx, time.Duration(rng.IntN(6))*time.Millisecond)
			}
		})
	}
	for i := range 2 {
		c := s.client(fmt.Sprint("swapper ", i))
		running.Go(func() {
			for ctx.Err() == nil {
				if record := s.register(ctx, &c, &numbers); record != "" {
					c.Swap(ctx, record)
				}
				sleep(ctx, 4*time.Millisecond)
			}
		})
	}
	c := s.client("dialer")
	running.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			key, number := fmt.Sprint("key-of-call-", n), fmt.Sprint("+1", 2025550000+n)
			for ctx.Err() == nil && !c.Dial(ctx, key, number) {
				sleep(ctx, 10*time.Millisecond)
			}
			c.Dial(ctx, key, number) // and once more, whatever it was answered
			sleep(ctx, 60*time.Millisecond)
		}
	})
}

// deed does one thing that people do.
func (s *story) deed(ctx context.Context, c *history.Client, rng *rand.Rand, numbers *atomic.Int64) {
	s.mu.Lock()
	record := ""
	if len(s.records) > 0 {
		record = s.records[max(0, len(s.records)-1-rng.IntN(8)):][0]
	}
	s.mu.Unlock()
	switch n := rng.IntN(20); {
	case record == "" || n == 0:
		if record = c.Lookup(ctx, number(numbers)); record != "" {
			s.mu.Lock()
			s.records = append(s.records, record)
			s.mu.Unlock()
		}
	case n < 9:
		c.Note(ctx, record)
	case n < 18:
		c.Claim(ctx, record, "party.bio", "party.location")
	default:
		c.Claim(ctx, record, "party.bio", "call.state") // which is the PBX's: all is refused
	}
}

// number is one that nobody has looked up yet.
func number(numbers *atomic.Int64) string { return fmt.Sprint("+45", 20000000+numbers.Add(1)) }

// register is the record whose exclusive field is fought for: another one every few lives, for the search for an order
// grows with what is unknown.
func (s *story) register(ctx context.Context, c *history.Client, numbers *atomic.Int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swapped == "" || s.kept.Life() >= s.until {
		s.until = s.kept.Life() + 4
		s.swapped = c.Lookup(ctx, number(numbers))
	}
	return s.swapped
}
