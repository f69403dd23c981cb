package board_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// heap is what is in use after all garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// memory measures what a record of 30 fields takes, with who said what, when and why, in use and at rest.
func memory(t tester, records int, open func(s *stage, i int)) (inUse, atRest uint64, f board.Footprint) {
	s := newStage(t, func(o *board.Options) { o.Window = 10 })
	s.log = make([]*board.Change, 0, 100)
	ens := five(s)
	forget := func() { // what this test keeps of the log is not the board's
		s.log, s.revs = nil, map[string]int64{}
		for range 30 {
			s.Notice("desk", telephony.Change{Kind: telephony.PBXLost, At: s.now})
		}
		s.Show(s.Take(), true, s.now)
	}
	before := heap()
	for i := range records {
		open(s, i)
		s.settle(ens, i)
	}
	s.Tick(s.now)
	forget()
	inUse = (heap() - before) / uint64(records)
	s.now = s.now.Add(2 * time.Minute)
	s.Tick(s.now) // what nobody answered is over
	for batch := s.Take(); len(batch) > 0; batch = s.Take() {
		s.Show(batch, true, s.now)
	}
	s.now = s.now.Add(2 * time.Minute)
	s.Tick(s.now)
	forget()
	atRest = (heap() - before) / uint64(records)
	f = s.Footprint()
	runtime.KeepAlive(s)
	return inUse, atRest, f
}

// rings is a call of its own number, lookedUp a lookup of one.
func rings(s *stage, i int) {
	call := &telephony.Call{ID: telephony.CallID(s.id("c")), State: telephony.Connected, StartedAt: s.now}
	s.Call("desk", []telephony.Change{{Kind: telephony.CallAnswered, At: s.now, Call: call}}, known(i))
}

func lookedUp(s *stage, i int) { s.OpenLookup("desk", "user", known(i), s.now) }

func known(i int) []board.NewClaim {
	return []board.NewClaim{{Field: "party.number", Value: fmt.Sprintf("+45%08d", i), Quality: board.Verified}, {Field: "party.name", Value: "CALLER", Quality: board.Guess}}
}

// settle lets five apps answer, each its own fields and three of them the name.
func (s *stage) settle(ens []*board.Enricher, i int) {
	for batch := s.Take(); len(batch) > 0; batch = s.Take() {
		s.Show(batch, true, s.now)
	}
	s.answerAll(ens, i)
	for batch := s.Take(); len(batch) > 0; batch = s.Take() {
		s.Show(batch, true, s.now)
	}
}

// five apps, each of which works from the number.
func five(s *stage) (ens []*board.Enricher) {
	for app := range 5 {
		ens = append(ens, s.Register(fmt.Sprint("app", app), board.Registration{Needs: []string{"party.number"}}, s.now))
	}
	return ens
}

func (s *stage) answerAll(ens []*board.Enricher, i int) {
	for app, en := range ens {
		for _, w := range s.TakeWork(en, 10, s.now) {
			var claims []board.NewClaim
			for n := range 6 {
				claims = append(claims, board.NewClaim{Field: fmt.Sprintf("x.app%d.field%d", app, n), Value: fmt.Sprintf("value %d of %d", n, i)})
			}
			if app < 3 {
				claims[0] = board.NewClaim{Field: "party.name", Value: "Name Of " + fmt.Sprint(i, app)}
			}
			if _, err := s.Answer(en.App, w.ID, board.Answer{Claims: claims}, s.now); err != nil {
				s.t.Fatalf("%v", err)
			}
		}
	}
}

// An open record of 30 fields takes at most 2 KB at rest, with the source, time, quality and cause of each claim. A call
// comes to that as it is in memory.
func TestMemoryPerRecord(t *testing.T) {
	for _, test := range []struct {
		name string
		open func(s *stage, i int)
		most uint64
	}{{"a lookup", lookedUp, 2048}, {"a call", rings, 3072}} {
		inUse, atRest, f := memory(t, 2000, test.open)
		t.Logf("%s, 30 fields, 33 claims: %d bytes in use, %d at rest, of which %d are its fields", test.name, inUse, atRest, f.PackedBytes/max(1, f.Packed))
		if f.Packed != f.Records {
			t.Errorf("%d of %d at rest", f.Packed, f.Records)
		}
		if atRest > test.most {
			t.Errorf("%s: %d bytes at rest, want at most %d", test.name, atRest, test.most)
		}
	}
}

func BenchmarkClaim(b *testing.B) {
	for _, fields := range []int{1, 30} {
		b.Run(fmt.Sprint("of a record with ", fields, " fields"), func(b *testing.B) {
			s := newStage(b)
			r := s.ring("c1", number)
			for i := range fields {
				s.claim(r, "user", fmt.Sprint("party.f", i), "x")
			}
			s.show()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Claim(r, "user", []board.NewClaim{{Field: "party.f0", Value: fmt.Sprint(i)}}, s.now); err != nil {
					b.Fatal(err)
				}
				if i%64 == 0 {
					s.Show(s.Take(), true, s.now)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
		})
	}
}

// BenchmarkWave is a call from its first ring until it has settled: five apps, 30 fields.
func BenchmarkWave(b *testing.B) {
	s := newStage(b)
	ens := five(s)
	for b.Loop() {
		s.now = s.now.Add(time.Second)
		rings(s, s.ids)
		s.settle(ens, s.ids)
		s.log = s.log[:0]
	}
	b.ReportMetric(30*float64(b.N)/b.Elapsed().Seconds(), "claims/s")
}

func BenchmarkPack(b *testing.B) {
	s := newStage(b)
	ens := five(s)
	rings(s, 1)
	s.settle(ens, 1)
	list, _ := s.Snapshot("")
	r := list[0]
	for b.Loop() {
		board.Repack(r)
	}
}
