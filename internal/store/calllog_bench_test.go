package store

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

var mostCalls = flag.Int("calls", 100_000, "how many calls BenchmarkLog goes up to")

// asks are pages and searches as people and apps make them, each with random words of its own.
var asks = []struct {
	name string
	ask  func(r *rand.Rand, c caller, began time.Time, n int) board.LogQuery
}{
	{"all", func(*rand.Rand, caller, time.Time, int) board.LogQuery { return board.LogQuery{} }},
	{"missed", func(*rand.Rand, caller, time.Time, int) board.LogQuery { return board.LogQuery{View: board.LogMissed} }},
	{"line-result", func(*rand.Rand, caller, time.Time, int) board.LogQuery {
		return board.LogQuery{Line: "Bob", View: board.LogReceived, Result: telephony.UnknownResult}
	}},
	{"none-such", func(*rand.Rand, caller, time.Time, int) board.LogQuery { // no call is both
		return board.LogQuery{View: board.LogDialed, Result: telephony.Missed}
	}},
	{"old-page", func(r *rand.Rand, _ caller, began time.Time, n int) board.LogQuery {
		return board.LogQuery{View: board.LogMissed, Before: place(began.Add(time.Duration(r.IntN(n)) * 20 * time.Second))}
	}},
	{"a-day", func(r *rand.Rand, _ caller, began time.Time, n int) board.LogQuery {
		from := began.Add(time.Duration(r.IntN(n)) * 20 * time.Second)
		return board.LogQuery{View: board.LogDialed, From: from, To: from.Add(24 * time.Hour)}
	}},
	{"number", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Numbers: []string{c.number}}
	}},
	{"type-1", func(r *rand.Rand, _ caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: string("abhjls"[r.IntN(6)]), Within: everything}
	}},
	{"type-3", func(r *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: syllables[r.IntN(len(syllables))][:3], Within: everything}
	}},
	{"type-5", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: string([]rune(strings.Fields(c.name)[1])[:5]), Within: everything}
	}},
	{"type-7", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: string([]rune(strings.Fields(c.name)[1])[:7]), Within: everything}
	}},
	{"full-name", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: c.name, Within: everything}
	}},
	{"first-name-missed", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: strings.Fields(c.name)[0], View: board.LogMissed, Within: everything}
	}},
	{"name-rare-result", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: strings.Fields(c.name)[0], Result: telephony.Voicemail, Line: "Alice", Within: everything}
	}},
	{"typed-number", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: c.raw, Within: everything}
	}},
	{"begun-number", func(r *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Text: c.number[:3+r.IntN(7)], Within: everything}
	}},
	{"two-common-words", func(*rand.Rand, caller, time.Time, int) board.LogQuery {
		return board.LogQuery{Text: "anna bank", Within: everything}
	}},
	{"note", func(*rand.Rand, caller, time.Time, int) board.LogQuery {
		return board.LogQuery{Text: "invoice 4711", Within: everything}
	}},
	{"company-tag", func(_ *rand.Rand, c caller, _ time.Time, _ int) board.LogQuery {
		return board.LogQuery{Company: strings.Fields(c.company)[0], Tag: "vip"}
	}},
}

// BenchmarkLog asks for pages of 50 in logs of 1,000 calls and ten times as many until -calls, and says how long one takes. Each size is
// filled with calls of its own, one every 20 seconds, by a tenth as many people.
func BenchmarkLog(b *testing.B) {
	began := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	s := openStore(b, filepath.Join(b.TempDir(), "callboard.db"))
	r := rand.New(rand.NewPCG(1, 1))
	there := 0
	for size := 1000; ; size = min(size*10, *mostCalls) {
		start := time.Now()
		for added := there; there < size; {
			var some []*board.Record
			for range min(10_000, size-there) {
				some = append(some, generated(r, fmt.Sprintf("rec_%08d", there), began.Add(time.Duration(there)*20*time.Second), max(*mostCalls/10, 100)))
				there++
			}
			s.keep(b, some)
			if there == size {
				b.Logf("%d calls: %v for each that was added", size, time.Since(start)/time.Duration(size-added))
			}
		}
		for _, a := range asks {
			b.Run(fmt.Sprintf("calls=%d/%s", size, a.name), func(b *testing.B) {
				var took []time.Duration
				for b.Loop() {
					q := a.ask(r, callerOf(r.IntN(max(*mostCalls/10, 100))), began, size)
					q.Limit = 50
					start := time.Now()
					if _, err := s.Log(b.Context(), q); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(start))
				}
				slices.Sort(took)
				for _, p := range []int{50, 99} {
					b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, fmt.Sprintf("p%d-ms", p))
				}
				b.ReportMetric(0, "ns/op")
			})
		}
		if size >= *mostCalls {
			start := time.Now()
			if err := s.mergeIndex(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.Logf("%d calls: %v for what an erasure does with the index", size, time.Since(start))
			return
		}
	}
}

// BenchmarkLogSave is what the log adds to a commit, without the wait for the disk: of a change that the log says nothing of, of one
// that it shows and finds by, and of a record that is new.
func BenchmarkLogSave(b *testing.B) {
	s := openStore(b, filepath.Join(b.TempDir(), "callboard.db"))
	r := rand.New(rand.NewPCG(1, 1))
	began := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	n := 0
	fresh := func() *board.Record {
		n++
		return generated(r, fmt.Sprintf("rec_%08d", n), began.Add(time.Duration(n)*time.Second), 1000)
	}
	var some []*board.Record
	for range 10_000 {
		some = append(some, fresh())
	}
	s.keep(b, some)
	tx, err := s.dialect.begin(b.Context(), s.writer)
	if err != nil {
		b.Fatal(err)
	}
	defer tx.rollback(b.Context())
	for _, c := range []struct {
		name string
		next func() *board.Record
	}{
		{"same", func() *board.Record { return some[r.IntN(len(some))] }},
		{"changed", func() *board.Record {
			old := some[r.IntN(len(some))]
			again := generated(r, old.ID, old.OpenedAt, 1000)
			return again
		}},
		{"new", fresh},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := s.commit.calls.save(b.Context(), tx, []*board.Record{c.next()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
