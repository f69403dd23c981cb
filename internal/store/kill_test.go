package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// childEnv names the store that a process of the test binary writes to until it is killed.
const childEnv = "CALLBOARD_TEST_STORE"

// child commits without end and says each seq on its output once its commit has returned.
func child(path string) error {
	ctx := context.Background()
	s, err := openAt(ctx, path)
	if err != nil {
		return err
	}
	loaded, err := s.Load(ctx)
	if err != nil {
		return err
	}
	b := restored(loaded)
	var id string
	for i := 0; ; i++ {
		if i%20 == 0 {
			id, _ = b.OpenLookup("Alice", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: fmt.Sprint("+45", time.Now().UnixNano())}}, time.Now())
		}
		for n := range 1 + i%5 {
			if _, err := b.Claim(id, board.SourceUser, []board.NewClaim{{Field: "party.bio", Value: strings.Repeat("x", i*37%3000) + fmt.Sprint(i, n)}}, time.Now()); err != nil {
				return err
			}
		}
		batch := b.Take()
		if err := s.Commit(ctx, loaded.Epoch, batch); err != nil {
			return err
		}
		b.Show(batch, true, time.Now())
		last := batch[len(batch)-1]
		if _, err := fmt.Println(last.Seq, last.Record, last.Rev); err != nil {
			return err
		}
	}
}

// TestKill kills a process that commits without end, with SIGKILL and at any moment, again and again: no acknowledged
// commit is lost, none is half there, and seq has no hole (FLT-05).
func TestKill(t *testing.T) { both(t, testKill) }

func testKill(t *testing.T, at string) {
	path := at
	total := 0
	for round := range 12 {
		acked := killed(t, path)
		total += len(acked)
		check(t, round, path, acked)
	}
	if total < 20 {
		t.Errorf("only %d commits were acknowledged: the kills came too early to prove anything", total)
	}
	t.Logf("%d acknowledged commits in 12 kills", total)
}

type ack struct {
	seq    uint64
	record string
	rev    int64
}

// killed runs a child until it has said some commits, kills it there, and returns all that it has said.
func killed(t *testing.T, path string) []ack {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var acked []ack
	lines, stop := bufio.NewReader(out), 1+rand.IntN(40)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // what is cut was not acknowledged
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				t.Errorf("read: %v", err)
			}
			if len(acked) < stop {
				t.Fatalf("the child ended by itself after %d commits: %s", len(acked), complaints.String())
			}
			return acked
		}
		parts := strings.Fields(line)
		seq, errSeq := strconv.ParseUint(parts[0], 10, 64)
		rev, errRev := strconv.ParseInt(parts[2], 10, 64)
		if err := errors.Join(errSeq, errRev); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		acked = append(acked, ack{seq, parts[1], rev})
		if len(acked) == stop {
			pause := time.Duration(rand.Int64N(int64(20 * time.Millisecond))) // somewhere in the commits that follow
			defer time.AfterFunc(pause, func() { cmd.Process.Kill() }).Stop()
		}
	}
}

func check(t *testing.T, round int, path string, acked []ack) {
	t.Helper()
	s := openStore(t, path)
	defer s.Close()
	undamaged(t, s)
	loaded, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := acked[len(acked)-1]
	if loaded.Seq < last.seq {
		t.Errorf("round %d: the log ends at %d, but %d was acknowledged", round, loaded.Seq, last.seq)
	}
	var count uint64
	if err := s.readers.QueryRow("SELECT count(*) FROM changes WHERE seq BETWEEN 1 AND ?", int64(loaded.Seq)).Scan(&count); err != nil || count != loaded.Seq {
		t.Errorf("round %d: %d changes up to seq %d, %v: there are holes", round, count, loaded.Seq, err)
	}
	// Each record is as its newest change left it.
	newest := map[string]int64{}
	for _, c := range loaded.Tail {
		newest[c.Record] = c.Rev
	}
	for _, r := range loaded.Records {
		if want, ok := newest[r.ID]; ok && r.Rev != want {
			t.Errorf("round %d: %s has rev %d, its newest change %d", round, r.ID, r.Rev, want)
		}
		delete(newest, r.ID)
	}
	for _, a := range acked {
		r, err := s.Record(t.Context(), a.record)
		if err != nil || r == nil || r.Rev < a.rev {
			t.Errorf("round %d: %s at rev %d was acknowledged, there is %+v, %v", round, a.record, a.rev, r, err)
		}
	}
	if len(newest) > 0 {
		t.Errorf("round %d: changes without a record: %v", round, newest)
	}
}
