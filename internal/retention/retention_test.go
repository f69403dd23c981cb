package retention

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const day = 24 * time.Hour

// house is a board with its committer on a real store.
type house struct {
	t     *testing.T
	path  string
	store *store.Store
	board *board.Board
	*line.Committer
	now  time.Time
	seq  uint64 // of the newest write
	stop func()
}

func open(t *testing.T, path string) *house {
	t.Helper()
	s, err := store.OpenSQLite(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n := loaded.Seq * 1000
	var mu sync.Mutex
	b := board.New(board.Options{Epoch: loaded.Epoch, NewID: func(kind string) string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("%s_%06d", kind, n)
	}})
	b.Restore(loaded.Records, loaded.Tail, loaded.Seq, loaded.Oldest)
	h := &house{t: t, path: path, store: s, board: b, now: time.Now(), Committer: line.NewCommitter(b, s, loaded.Seq, func() string { return "other" }, slog.New(slog.DiscardHandler))}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	var once sync.Once
	h.stop = func() {
		once.Do(func() {
			cancel()
			running.Wait()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(h.stop)
	return h
}

// durable waits until all that was written is, and what comes of it: that records settle is a change, too.
func (h *house) durable() {
	h.t.Helper()
	for before := uint64(0); before < h.seq; {
		if err := h.Wait(h.t.Context(), h.seq); err != nil {
			h.t.Fatal(err)
		}
		before, h.seq = h.seq, h.board.LetGo(nil, board.All, h.now).Seq
	}
}

func (h *house) close(id string, at time.Time) {
	h.t.Helper()
	h.seq = must[board.Written](h.t)(h.board.Close(id, board.SourceUser, at)).Seq
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// lookup is one that was closed some days ago, with a name and a note.
func (h *house) lookup(days int, number, name string) string {
	at := h.now.Add(-time.Duration(days) * day)
	id, _ := h.board.OpenLookup("Alice", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: number}, {Field: "party.name", Value: name}}, at)
	h.note(id, name, at)
	h.close(id, at)
	return id
}

func (h *house) note(id, name string, at time.Time) {
	h.t.Helper()
	_, done, err := h.board.PutItem(id, board.SourceUser, board.NewItem{List: "notes", Text: "a note of " + name}, at)
	if err != nil {
		h.t.Fatal(err)
	}
	h.seq = done.Seq
}

// call is one that ended and was closed some days ago.
func (h *house) call(days int, number, name string) string {
	at := h.now.Add(-time.Duration(days) * day)
	c := telephony.Call{ID: telephony.CallID("call_" + number), Direction: telephony.Inbound, State: telephony.Ringing, StartedAt: at, Complete: true, Party: telephony.Party{Number: number, Name: name}}
	ended := c
	ended.State, ended.Result, ended.EndedAt = telephony.Ended, telephony.Missed, at
	claims := []board.NewClaim{{Field: "party.number", Value: number, Quality: board.Verified}, {Field: "party.name", Value: name, Quality: board.Guess}}
	h.board.Call("Alice", []telephony.Change{{Kind: telephony.CallCreated, At: at, Call: &c}, {Kind: telephony.CallEnded, At: at, Call: &ended}}, claims)
	id, _ := h.board.OfCall(c.ID)
	h.note(id, name, at)
	h.close(id, at)
	return id
}

func (h *house) options(l Limits) Options {
	return Options{Board: h.board, Wait: h.Wait, Store: h.store, Limits: l, Forget: func() {}, Logger: slog.New(slog.DiscardHandler)}
}

// grep finds a word, in any case, in the bytes of the files, in what the board tells, and by the search of the call log.
func (h *house) grep(word string) (found []string) {
	h.t.Helper()
	for _, end := range []string{"", "-wal", store.FormerEnd + "5"} {
		content, err := os.ReadFile(h.path + end)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			h.t.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(content), []byte(word)) {
			found = append(found, "the file"+end)
		}
	}
	records, _ := h.board.Snapshot("")
	w := must[*board.Watch](h.t)(h.board.Watch(board.Cursor{Epoch: h.board.Epoch(), Seq: h.board.Newest().Seq - uint64(h.board.Stats().Changes)}))
	defer w.Close()
	changes := must[[]*board.Change](h.t)(w.Next(10_000))
	stored := must[[]*board.Change](h.t)(h.store.Changes(h.t.Context(), 0, 10_000))
	for what, it := range map[string]any{"the board": records, "its log": changes, "the stored log": stored} {
		text := must[[]byte](h.t)(json.Marshal(it))
		if bytes.Contains(bytes.ToLower(text), []byte(word)) {
			found = append(found, what)
		}
	}
	page := must[board.LogPage](h.t)(h.store.Log(h.t.Context(), board.LogQuery{Text: word, Within: []board.LogWords{board.LogName, board.LogNotes}, Limit: 10}))
	if len(page.Entries) > 0 {
		found = append(found, "the call log")
	}
	return found
}

func (h *house) has(id string) bool {
	h.t.Helper()
	stored := must[*board.Record](h.t)(h.store.Record(h.t.Context(), id))
	if stored == nil && h.board.Get(id) != nil {
		h.t.Errorf("%s is on the board only", id)
	}
	return stored != nil
}

// TestLetGo: what is over is gone from the board, the log, the search and the bytes of the files; what is not is there, and watchers are told.
func TestLetGo(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "callboard.db"))
	oldCall, youngCall := h.call(100, "+4511111111", "Oldcall Canary"), h.call(80, "+4522222222", "Youngcall")
	oldLookup, youngLookup := h.lookup(50, "+4533333333", "Oldlookup Canary"), h.lookup(39, "+4544444444", "Younglookup")
	again := h.call(200, "+4555555555", "Reopened")
	must[board.Written](t)(h.board.Reopen(again, board.SourceUser, h.now))
	for i := range 120 { // so that they take several steps, and lie on many pages
		h.lookup(60, fmt.Sprintf("+4566%06d", i), fmt.Sprint("Many Canary ", i))
	}
	h.durable()
	if found := h.grep("canary"); len(found) < 4 {
		t.Fatalf("before, it is found in %v", found)
	}
	if err := store.Backup(t.Context(), h.path, h.path+store.FormerEnd+"5"); err != nil {
		t.Fatal(err)
	}
	w := must[*board.Watch](t)(h.board.Watch(h.board.Newest()))
	defer w.Close()
	if err := LetGo(t.Context(), h.options(Limits{Calls: 90 * day, Lookups: 40 * day}), h.now); err != nil {
		t.Fatal(err)
	}
	if found := h.grep("canary"); len(found) > 0 {
		t.Errorf("found in %v", found)
	}
	for id, want := range map[string]bool{oldCall: false, oldLookup: false, youngCall: true, youngLookup: true, again: true} {
		if h.has(id) != want {
			t.Errorf("%s is there: %v", id, !want)
		}
	}
	for _, name := range []string{"youngcall", "younglookup", "reopened"} {
		if found := h.grep(name); len(found) < 4 {
			t.Errorf("%s is found in %v only", name, found)
		}
	}
	told := map[string]bool{}
	for _, c := range must[[]*board.Change](t)(w.Next(1000)) {
		told[c.Record] = told[c.Record] || c.Kind == board.RecordErased
	}
	if !told[oldCall] || !told[oldLookup] || told[youngCall] || len(told) != 122 {
		t.Errorf("%d were told of", len(told))
	}
	h.stop()
	if found, _, err := store.Check(t.Context(), h.path); err != nil || len(found) > 0 {
		t.Errorf("the check: %v, %v", found, err)
	}
}

// TestItemsGo: a call stays without its notes.
func TestItemsGo(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "callboard.db"))
	old, young := h.call(100, "+4511111111", "Canary"), h.call(10, "+4522222222", "Young")
	h.durable()
	for range 2 { // there is nothing to do the second time
		if err := LetGo(t.Context(), h.options(Limits{Items: 30 * day}), h.now); err != nil {
			t.Fatal(err)
		}
	}
	r := must[*board.Record](t)(h.store.Record(t.Context(), old))
	if len(r.Items["notes"]) > 0 || r.Value("party.name") != "Canary" || r.Call.Result != telephony.Missed {
		t.Errorf("%+v", r)
	}
	if found := h.grep("a note of canary"); len(found) > 0 {
		t.Errorf("found in %v", found)
	}
	if found := h.grep("a note of young"); len(found) < 4 || !h.has(young) {
		t.Errorf("the young one's is found in %v", found)
	}
	if h.board.Newest().Seq != must[store.Loaded](t)(h.store.Load(t.Context())).Seq {
		t.Error("the board and the store differ")
	}
}

// TestLogIsTrimmed: the log goes back as far as it is told, and cursors from before are refused.
func TestLogIsTrimmed(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "callboard.db"))
	for i := range 300 {
		h.lookup(1, fmt.Sprintf("+4566%06d", i), "Canary")
	}
	h.durable()
	before := len(must[[]*board.Change](t)(h.store.Changes(t.Context(), 0, 10_000)))
	if err := LetGo(t.Context(), h.options(Limits{Changes: 5 * day}), h.now.Add(4*day)); err != nil {
		t.Fatal(err)
	}
	if left := must[[]*board.Change](t)(h.store.Changes(t.Context(), 0, 10_000)); len(left) < before {
		t.Errorf("of %d young changes %d are left", before, len(left))
	}
	if err := LetGo(t.Context(), h.options(Limits{Changes: 5 * day}), h.now.Add(6*day)); err != nil {
		t.Fatal(err)
	}
	left := must[[]*board.Change](t)(h.store.Changes(t.Context(), 0, 10_000))
	if len(left) != 100 { // so many always stay
		t.Errorf("%d changes are left", len(left))
	}
	if oldest := h.board.Oldest().Seq; oldest != left[0].Seq-1 {
		t.Errorf("the oldest cursor is %d, the first change %d", oldest, left[0].Seq)
	}
	if _, err := h.board.Watch(board.Cursor{Epoch: h.board.Epoch(), Seq: 5}); err == nil {
		t.Error("a cursor from before is taken")
	}
}

// breaking fails at one of its calls, as a program that is killed there.
type breaking struct {
	*store.Store
	at int
}

var errBroken = errors.New("killed")

func (b *breaking) step() error {
	if b.at--; b.at == 0 {
		return errBroken
	}
	return nil
}

func (b *breaking) BeginLetGo(ctx context.Context, records []string, before uint64) error {
	return errors.Join(b.step(), b.Store.BeginLetGo(ctx, records, before), b.step())
}

func (b *breaking) StrikeOwed(ctx context.Context) error {
	if err := b.step(); err != nil {
		return err
	}
	return errors.Join(b.Store.StrikeOwed(ctx), b.step())
}

func (b *breaking) Drop(ctx context.Context, records []*board.Record) error {
	if err := b.step(); err != nil {
		return err
	}
	return errors.Join(b.Store.Drop(ctx, records[:len(records)/2]), b.step(), b.Store.Drop(ctx, records))
}

func (b *breaking) Clean(ctx context.Context) error {
	if err := b.step(); err != nil {
		return err
	}
	return b.Store.Clean(ctx)
}

// TestBrokenOff: wherever a run is broken off and the program begins anew, the next one leaves as little.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	for at := 1; ; at++ {
		path := filepath.Join(t.TempDir(), "callboard.db")
		h := open(t, path)
		h.call(100, "+4511111111", "Canary")
		h.lookup(50, "+4533333333", "Canary")
		items := h.call(35, "+4577777777", "Itemsonly")
		h.durable()
		limits := Limits{Calls: 90 * day, Lookups: 40 * day, Items: 30 * day}
		o := h.options(limits)
		o.Store = &breaking{h.store, at}
		err := LetGo(t.Context(), o, h.now)
		h.stop()
		h = open(t, path)
		if errAgain := LetGo(t.Context(), h.options(limits), h.now); errAgain != nil {
			t.Fatal(errAgain)
		}
		if found := append(h.grep("canary"), h.grep("a note of items")...); len(found) > 0 {
			t.Errorf("broken off at %d: found in %v", at, found)
		}
		if !h.has(items) {
			t.Errorf("broken off at %d: the young call is gone", at)
		}
		h.stop()
		if err == nil {
			if at < 8 {
				t.Errorf("only %d steps", at)
			}
			return
		}
		if !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
	}
}

// TestReopenedMeanwhile: who reopens a record, or writes to it, between its being found and its going keeps it.
func TestReopenedMeanwhile(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "callboard.db"))
	reopened, noted, gone := h.call(100, "+4511111111", "Reopened"), h.call(100, "+4522222222", "Noted"), h.call(100, "+4533333333", "Gone")
	h.durable()
	records := must[[]*board.Record](t)(h.store.ClosedBefore(t.Context(), h.now, nil, 10))
	if len(records) != 3 {
		t.Fatalf("%d records", len(records))
	}
	must[board.Written](t)(h.board.Reopen(reopened, board.SourceUser, h.now))
	h.note(noted, "later", h.now)
	h.durable()
	if err := letGo(t.Context(), h.options(Limits{Calls: 90 * day}), records, board.All, h.now); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{reopened: true, noted: true, gone: false} {
		if h.has(id) != want {
			t.Errorf("%s is there: %v", id, !want)
		}
	}
	text := string(must[[]byte](t)(json.Marshal(must[[]*board.Change](t)(h.store.Changes(t.Context(), 0, 1000)))))
	if !strings.Contains(text, "a note of Reopened") || !strings.Contains(text, "a note of later") || strings.Contains(text, "a note of Gone") {
		t.Error("the log has another's notes, or not those that it should")
	}
}

// TestQuiet: while a call is going on the file is not cleaned; the next run does it.
func TestQuiet(t *testing.T) {
	t.Parallel()
	h := open(t, filepath.Join(t.TempDir(), "callboard.db"))
	h.call(100, "+4511111111", "Canary")
	c := telephony.Call{ID: "live", Direction: telephony.Inbound, State: telephony.Ringing, StartedAt: h.now, Party: telephony.Party{Number: "+4599999999"}}
	h.board.Call("Alice", []telephony.Change{{Kind: telephony.CallCreated, At: h.now, Call: &c}}, nil)
	_, h.seq = h.board.OfCall(c.ID)
	h.durable()
	o := h.options(Limits{Calls: 90 * day})
	if err := LetGo(t.Context(), o, h.now); !errors.Is(err, errCalls) {
		t.Errorf("%v", err)
	}
	if unclean, err := h.store.Unclean(t.Context()); err != nil || !unclean {
		t.Errorf("%v, %v", unclean, err)
	}
	ended := c
	ended.State, ended.EndedAt = telephony.Ended, h.now
	h.board.Call("Alice", []telephony.Change{{Kind: telephony.CallEnded, At: h.now, Call: &ended}}, nil)
	_, h.seq = h.board.OfCall(c.ID)
	h.durable()
	if err := LetGo(t.Context(), o, h.now); err != nil {
		t.Fatal(err)
	}
	if unclean, err := h.store.Unclean(t.Context()); err != nil || unclean {
		t.Errorf("%v, %v", unclean, err)
	}
}
