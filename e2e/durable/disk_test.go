//go:build linux

package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/e2e/history"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/store/disktest"
)

// smallDisk mounts a file system of a few mebibytes for a story's data.
func smallDisk(t *testing.T, s *story, options string) (data string) {
	t.Helper()
	data = filepath.Join(s.folder, "data")
	disktest.Mount(t, data, "size=10m"+options)
	return data
}

// get asks the Callboard of a story and decodes what it answers.
func (s *story) get(method, path, body string, into any) int {
	s.t.Helper()
	p := s.where.now.Load()
	req, err := http.NewRequestWithContext(s.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := s.http.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || json.Unmarshal(text, into) != nil {
		s.t.Fatalf("%s %s: %s, %v", method, path, text, err)
	}
	return res.StatusCode
}

// within waits until something is so, which no channel can tell from outside a process.
func within(t *testing.T, limit time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > limit {
			t.Fatalf("in %v it did not come true: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// patient is how much longer than promised a machine that does other things may take.
const patient = 4

// ring lets a call come in and waits until its record is listed.
func (s *story) ring(pbx *demopbx.PBX, number string) (r api.Record, took time.Duration) {
	s.t.Helper()
	call, err := demopbx.ParseScenario("ring", strings.NewReader("0.0 outside "+number+" \"Bob Caller\" calls 5550101, rings 1001\n0.1 outside gives up"))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	var playing sync.WaitGroup
	playing.Go(func() {
		if err := pbx.Play(ctx, call); err != nil {
			s.t.Errorf("play: %v", err)
		}
	})
	took = within(s.t, patience, "the call of "+number+" pops", func() bool {
		var l api.RecordList
		s.get("GET", "/v1/records", "", &l)
		for _, one := range l.Records {
			if one.Fields["party.number"].Value == number {
				r = one
				return true
			}
		}
		return false
	})
	playing.Wait()
	return r, took
}

func newPBX(t *testing.T) *demopbx.PBX {
	t.Helper()
	pbx, err := demopbx.New(demopbx.Options{Accounts: map[string]demopbx.Account{account: {Secret: secret, Read: "call", Write: "call,reporting"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pbx.Close() })
	return pbx
}

// status is how the program says that it stands with its store.
func (s *story) status() api.Status {
	var out api.Status
	s.get("GET", "/v1/status", "", &out)
	return out
}

// TestDiskFull fills the disk under a running program, twice: calls pop, writes are refused with a remedy, nothing that was
// acknowledged is lost; when there is space again it goes on by itself, and who follows lists again and sees that all is
// durable (FLT-07, D-2).
func TestDiskFull(t *testing.T) {
	t.Parallel()
	pbx := newPBX(t)
	s := newStory(t, pbx)
	data := smallDisk(t, s, "")
	p := s.begin()
	follower := &history.Watcher{Client: s.client("page")}
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { follower.Run(ctx) })
	defer following.Wait()
	defer cancel()
	c := s.client("person")
	var numbers []string
	acked := 0
	for round := range 2 {
		record := c.Lookup(t.Context(), fmt.Sprint("+4520000", 100+round))
		for range 20 {
			if c.Note(t.Context(), record) != history.Acked {
				t.Fatal("a note on a sound disk was refused")
			}
			acked++
		}
		epoch := s.status().Epoch
		ballast := filepath.Join(data, "ballast")
		disktest.Fill(t, ballast)
		within(t, patience, "the disk is felt", func() bool {
			if c.Note(t.Context(), record) == history.Acked { // it found a place in what was allotted already
				acked++
				return false
			}
			return true
		})
		var refused api.Problem
		if status := s.get("POST", "/v1/records/"+record+"/notes", `{"text":"one more"}`, &refused); status != http.StatusInsufficientStorage || refused.Code != "store_unavailable" || !strings.Contains(refused.Detail, "full") || !strings.Contains(refused.Remedy, "free space") {
			t.Errorf("a note on a full disk: %d %+v", status, refused)
		}
		for i := range 3 {
			number := fmt.Sprintf("+12025550%d1%d", 1+round, i)
			numbers = append(numbers, number)
			r, took := s.ring(pbx, number)
			if r.Durable || took > patient*time.Second {
				t.Errorf("a call on a full disk has popped after %v, durable: %v", took, r.Durable)
			}
		}
		if now := s.status(); now.Store.Durable || !strings.Contains(now.Store.Problem, "full") || now.Epoch == epoch {
			t.Errorf("on a full disk: %+v of epoch %s, which was %s", now.Store, now.Epoch, epoch)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		took := within(t, patient*5*time.Second, "it takes writes again", func() bool { return c.Note(t.Context(), record) == history.Acked })
		acked++
		t.Logf("healthy %v after there was space again (the limit is 5 s)", took.Round(time.Millisecond))
		var l api.RecordList
		s.get("GET", "/v1/records", "", &l)
		for _, r := range l.Records {
			if !r.Durable {
				t.Errorf("%s is listed with durable:false afterwards", r.ID)
			}
		}
		epochNow := s.status().Epoch
		within(t, patience, "the follower has listed again", func() bool { return strings.HasPrefix(follower.Cursor(), epochNow+":") })
	}
	cancel()
	following.Wait()
	if err := p.kill(); err != nil {
		t.Error(err)
	}
	resets := 0
	for _, w := range s.kept.History().Streams {
		for _, f := range w.Frames {
			if f.Type == "reset" {
				resets++
			}
		}
	}
	if resets < 2 {
		t.Errorf("the follower was reset %d times in two failures", resets)
	}
	s.has(data, numbers, acked)
}

// has checks what is in the database after all: whole, without holes, with every call and every note that was acknowledged.
func (s *story) has(data string, numbers []string, acked int) {
	s.t.Helper()
	_, log, err := autopsy(s.t, data, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	notes, called := 0, map[string]bool{}
	for i, c := range log {
		if c.Seq != uint64(i+1) {
			s.t.Fatalf("D-1: seq %d is at place %d", c.Seq, i+1)
		}
		if c.Kind == board.ItemAdded && history.IsOurs(c.Item.Text) {
			notes++
		}
		if c.Opened != nil {
			called[c.Opened.Value("party.number")] = true
		}
	}
	for _, n := range numbers {
		if !called[n] {
			s.t.Errorf("the call of %s, from when the disk was full, is not in the log", n)
		}
	}
	if notes < acked {
		s.t.Errorf("%d notes were acknowledged, %d are there", acked, notes)
	}
}

// begin starts a story's program and lets clients in.
func (s *story) begin() *program {
	s.t.Helper()
	p := launch(s.t, s.config, "")
	s.t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		s.http.CloseIdleConnections()
	})
	url, ok := <-p.url
	if !ok {
		s.t.Fatal(p.kill())
	}
	s.open(p, url)
	within(s.t, patience, "the PBX is there", func() bool {
		lines := s.status().Lines
		return len(lines) > 0 && lines[0].Pbx.State == api.LinkStateConnected
	})
	return p
}

// TestDatabaseGone takes the database away under a running program: that is noticed at rest, told with a remedy, calls pop,
// and when it is put back all is as before (FLT-07).
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	pbx := newPBX(t)
	s := newStory(t, pbx)
	p := s.begin()
	data := filepath.Join(s.folder, "data")
	c := s.client("person")
	record := c.Lookup(t.Context(), "+4520000001")
	if err := os.Rename(filepath.Join(data, "callboard.db"), filepath.Join(data, "away")); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "it is noticed", func() bool { return !s.status().Store.Durable })
	var refused api.Problem
	if status := s.get("POST", "/v1/records/"+record+"/notes", `{"text":"x"}`, &refused); status != http.StatusInsufficientStorage || !strings.Contains(refused.Detail, "was deleted or moved") || !strings.Contains(refused.Remedy, "put the file back") {
		t.Errorf("%d %+v", status, refused)
	}
	if r, _ := s.ring(pbx, "+12025550143"); r.Durable {
		t.Error("a call that cannot be kept says that it is durable")
	}
	if err := os.Rename(filepath.Join(data, "away"), filepath.Join(data, "callboard.db")); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "it goes on", func() bool { return c.Note(t.Context(), record) == history.Acked })
	if err := p.kill(); err != nil {
		t.Error(err)
	}
	s.has(data, []string{"+12025550143"}, 1)
}

// TestReadOnlyDisk: a program on a disk that cannot be written to says so, and does not begin.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	s := newStory(t, newPBX(t))
	smallDisk(t, s, ",ro")
	p := launch(t, s.config, "")
	<-p.ended
	if said := strings.Join(p.said, "\n"); !strings.Contains(said, "read-only file system") || !strings.Contains(said, "choose another data folder") || strings.Contains(said, "goroutine") {
		t.Errorf("it says %q", said)
	}
}
