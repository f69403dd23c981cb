//go:build linux

package durable

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/e2e/history"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// livesPerStore is how often a store is killed until its history is judged and another is begun.
const livesPerStore = 25

// TestKill kills the program again and again while calls come in, people write, an app enriches and others follow: nothing
// acknowledged is lost, nothing is told that was not kept, and no follower has a hole (FLT-05, D-1 to D-6, D-10).
func TestKill(t *testing.T) {
	t.Parallel()
	const offices = 2
	var sum total
	t.Run("offices", func(t *testing.T) {
		for office := range offices {
			t.Run(fmt.Sprint(office+1), func(t *testing.T) {
				t.Parallel()
				pbx := startPBX(t)
				calls, end := context.WithCancel(context.Background())
				var playing sync.WaitGroup
				playing.Go(func() {
					pbx.Load(calls, demopbx.LoadPlan{Seed: uint64(office + 1), Rate: 0.15, Ring: 4 * time.Second, Talk: 10 * time.Second})
				})
				defer playing.Wait()
				defer end()
				for left := *kills / offices; left > 0 && !t.Failed(); left -= livesPerStore {
					t.Run(fmt.Sprint(left, " are left"), func(t *testing.T) { // so that each is let go when it has been judged
						s := newStory(t, pbx)
						s.live(min(left, livesPerStore))
						sum.add(s)
					})
				}
			})
		}
	})
	sum.print(t)
}

// killsInPostgres is the part of the kills that is done with the store in PostgreSQL.
const killsInPostgres = 10

// TestKillInPostgres is TestKill with all kept in a PostgreSQL: what is called in, enriched and written is there after each kill.
func TestKillInPostgres(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t)
	calls, end := context.WithCancel(context.Background())
	var playing sync.WaitGroup
	playing.Go(func() {
		pbx.Load(calls, demopbx.LoadPlan{Seed: 3, Rate: 0.15, Ring: 4 * time.Second, Talk: 10 * time.Second})
	})
	defer playing.Wait()
	defer end()
	var sum total
	for left := *kills / killsInPostgres; left > 0 && !t.Failed(); left -= livesPerStore {
		s := newStory(t, pbx)
		s.keepIn(pgtest.Database(t))
		s.live(min(left, livesPerStore))
		sum.add(s)
	}
	sum.print(t)
	if sum.acked < 100 {
		t.Errorf("only %d writes were acknowledged", sum.acked)
	}
}

// total is what is measured over all stores.
type total struct {
	mu                                    sync.Mutex
	kills, crashed, changes, frames       int
	acked, refused, unknown, swaps, dials int
	ready                                 []time.Duration
}

func (o *total) add(s *story) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := s.kept.History()
	o.kills += len(h.Ends)
	o.crashed += s.crashed
	o.changes += len(h.Log)
	o.ready = append(o.ready, s.ready...)
	for _, w := range h.Streams {
		o.frames += len(w.Frames)
	}
	for _, q := range h.Requests {
		switch q.Outcome {
		case history.Acked:
			o.acked++
		case history.Unknown:
			o.unknown++
		default:
			o.refused++
		}
		switch q.Op {
		case "swap":
			o.swaps++
		case "dial":
			o.dials++
		}
	}
}

func (o *total) print(t *testing.T) {
	if len(o.ready) == 0 {
		return
	}
	slices.Sort(o.ready)
	t.Logf("%d kills, %d of them at named places; %d changes, %d frames told; requests: %d acknowledged, %d refused, %d unknown; %d swaps, %d dials; ready after %v at the median, %v at most",
		o.kills, o.crashed, o.changes, o.frames, o.acked, o.refused, o.unknown, o.swaps, o.dials, o.ready[len(o.ready)/2].Round(time.Millisecond), o.ready[len(o.ready)-1].Round(time.Millisecond))
}

// story is one store from its beginning, over its lives.
type story struct {
	t       *testing.T
	folder  string
	config  string
	address string // of a PostgreSQL; empty: a file
	kept    *history.Recorder
	where   where
	rng     *rand.Rand
	seed    uint64
	http    *http.Client
	crm     atomic.Pointer[string] // the app's token
	crashed int
	ready   []time.Duration

	mu      sync.Mutex // guards the records that are written to
	records []string
	swapped string
	until   int // the life in which another takes its place
}

func newStory(t *testing.T, pbx *demopbx.PBX) *story {
	t.Helper()
	s := &story{t: t, folder: t.TempDir(), kept: history.NewRecorder(), seed: rand.Uint64(), http: &http.Client{Transport: &http.Transport{}}}
	s.rng = rand.New(rand.NewPCG(s.seed, 1))
	tap := startTap(t, pbx.Addr(), s.kept.Dialed)
	s.config = filepath.Join(s.folder, "callboard.yaml")
	text := fmt.Sprintf("pbx: {address: %q, username: %s, secret: %s}\nline:\n  region: US\n  extensions: [{number: \"1001\", device: PJSIP/1001}, {number: \"1002\", device: PJSIP/1002}]\nlisten: {address: \"127.0.0.1:0\"}\ndata: %q\n",
		tap.listener.Addr().String(), account, secret, filepath.Join(s.folder, "data"))
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// keepIn has the program keep all in a PostgreSQL.
func (s *story) keepIn(address string) {
	text, err := os.ReadFile(s.config)
	if err == nil {
		err = os.WriteFile(s.config, fmt.Appendf(text, "store: %q\n", address), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = address
}

func (s *story) client(name string) history.Client {
	return history.Client{Name: name, Kept: s.kept, Where: s.where.of(nil), HTTP: s.http}
}

// live kills the program so often, lets it come back once more, and judges.
func (s *story) live(lives int) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience/2+time.Duration(lives)*5*time.Second)
	defer cancel()
	writing, endWriting := context.WithCancel(ctx)
	watching, endWatching := context.WithCancel(ctx)
	var writers, watchers sync.WaitGroup
	s.write(writing, &writers)
	all := s.watch(watching, &watchers)
	for life := range lives {
		if !s.one(ctx, life, fateOf(s.rng, life)) {
			break
		}
	}
	last := launch(s.t, s.config, "")
	if url, ok := <-last.url; ok {
		s.open(last, url)
		endWriting()
		writers.Wait()
		for _, w := range all {
			if err := w.Reaches(ctx, w.List(ctx, w.View)); err != nil {
				s.t.Error(err)
			}
		}
	}
	endWriting()
	endWatching()
	writers.Wait()
	watchers.Wait()
	s.http.CloseIdleConnections()
	s.close(last)
	s.judge()
}

// one is one life; it reports whether the next may begin.
func (s *story) one(ctx context.Context, life int, f fate) bool {
	p := launch(s.t, s.config, f.crash)
	if f.meet(ctx, p, func(url string) { s.open(p, url) }) {
		s.crashed++
	}
	return s.close(p)
}

// open lets clients in.
func (s *story) open(p *program, url string) {
	s.ready = append(s.ready, time.Since(p.begun))
	token, err := os.ReadFile(filepath.Join(s.folder, "data", "user.token"))
	if err != nil {
		s.t.Errorf("the token: %v", err)
	}
	s.where.now.Store(&place{url, strings.TrimSpace(string(token))})
}

// close kills a life and takes what it has left into the history.
func (s *story) close(p *program) bool {
	err := p.kill()
	s.where.now.Store(nil)
	if err == nil {
		var epoch string
		known := len(s.kept.History().Log)
		epoch, more, failed := s.autopsy(known)
		if err = failed; err == nil {
			err = s.kept.Killed(epoch, more)
		}
	}
	if err != nil {
		s.t.Errorf("life %d of the store of seed %d: %v", s.kept.Life(), s.seed, err)
	}
	return err == nil
}

func (s *story) judge() {
	h := s.kept.History()
	for _, err := range h.Judge() {
		s.t.Errorf("seed %d: %v", s.seed, err)
	}
	// What was in the log once is in it as it was.
	_, again, err := s.autopsy(0)
	if err != nil || len(again) != len(h.Log) {
		s.t.Errorf("the log has %d changes at the end, it had %d; %v", len(again), len(h.Log), err)
		return
	}
	for i, c := range again {
		now, errNow := json.Marshal(c)
		then, errThen := json.Marshal(h.Log[i])
		if string(now) != string(then) || errNow != nil || errThen != nil {
			s.t.Errorf("D-4: change %d was written anew: %s, it was %s", c.Seq, now, then)
			return
		}
	}
}

// watch starts those who follow, each in a way of its own.
func (s *story) watch(ctx context.Context, running *sync.WaitGroup) []*history.Watcher {
	all := []*history.Watcher{
		{Client: s.client("events")},
		{Client: s.client("socket"), Socket: true},
		{Client: s.client("page"), View: history.View{Shown: true}},
		{Client: s.client("live calls"), View: history.View{Calls: []string{"ringing", "connected", "held"}}},
		{Client: s.client("crm"), Socket: true, Works: true},
	}
	crm := all[len(all)-1]
	crm.Where = s.where.of(func() string { return *s.crm.Load() })
	for _, w := range all[:len(all)-1] {
		running.Go(func() { w.Run(ctx) })
	}
	running.Go(func() {
		for ctx.Err() == nil && s.crm.Load() == nil {
			s.letIn(ctx)
			sleep(ctx, 5*time.Millisecond)
		}
		if s.crm.Load() != nil {
			crm.Run(ctx)
		}
	})
	return all
}

// letIn lets the app in, as often as it takes.
func (s *story) letIn(ctx context.Context) {
	p := s.where.now.Load()
	if p == nil {
		return
	}
	req, err := http.NewRequestWithContext(ctx, "POST", p.url+"/v1/apps", strings.NewReader(`{"id":"crm","name":"CRM","renew":true}`))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	var made api.AppToken
	if res.StatusCode == http.StatusCreated && json.NewDecoder(res.Body).Decode(&made) == nil {
		s.crm.Store(&made.Token)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
