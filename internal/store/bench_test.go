package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// BenchmarkCommit measures commits of 1, 32 and 256 changes, and beside each, in the same run, the least that a durable
// commit can cost on this disk: an append of the same bytes and a sync of the data. x-bare is how many times that it takes.
func BenchmarkCommit(b *testing.B) {
	commitBench(b, func() string { return filepath.Join(b.TempDir(), "callboard.db") })
}

// BenchmarkCommitInPostgres is the same at a server on this machine, whose disk is the same.
func BenchmarkCommitInPostgres(b *testing.B) {
	commitBench(b, func() string { return pgtest.Database(b) })
}

func commitBench(b *testing.B, place func() string) {
	for _, batch := range []int{1, 32, 256} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			s := openStore(b, place())
			w := &writer{t: b, store: s, epoch: "bench", board: board.New(board.Options{Epoch: "bench", NewID: func(kind string) string { return kind }})}
			record := w.open("+4512345678")
			w.commit()
			n, commits := 0, 0
			var spent time.Duration
			for b.Loop() {
				for range batch {
					n++
					w.claim(record, "party.name", fmt.Sprint("Name ", n))
				}
				start := time.Now()
				w.commit()
				spent += time.Since(start)
				commits++
			}
			bare := bareAppends(b, commits, batch)
			b.ReportMetric(float64(commits)/spent.Seconds(), "commits/s")
			b.ReportMetric(float64(commits*batch)/spent.Seconds(), "changes/s")
			b.ReportMetric(float64(commits)/bare.Seconds(), "bare/s")
			b.ReportMetric(spent.Seconds()/bare.Seconds(), "x-bare")
		})
	}
}

// bareAppends is how long it takes to append as many batches to a file, each made durable.
func bareAppends(b *testing.B, commits, batch int) time.Duration {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const changeBytes = 400 // about what a change takes
	data := make([]byte, batch*changeBytes)
	began := time.Now()
	for range commits {
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
