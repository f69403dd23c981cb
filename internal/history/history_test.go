package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// shelf is a store.
type shelf struct {
	mu    sync.Mutex
	picks map[string]string // by line and number
	err   error
	hangs bool

	earlier []board.Earlier
	read    int // how often
	log     []board.LogEntry
}

func (m *shelf) Log(ctx context.Context, q board.LogQuery) (page board.LogPage, err error) {
	for _, e := range m.log {
		if strings.Contains(strings.ToLower(e.Company), strings.ToLower(q.Company)) { // as words are found
			page.Entries = append(page.Entries, e)
		}
	}
	_, err = m.Pick(ctx, "", "")
	return page, err
}

func (m *shelf) Earlier(ctx context.Context, _, but string) ([]board.Earlier, error) {
	if _, err := m.Pick(ctx, "", ""); err != nil {
		return nil, err
	}
	m.read++
	return slices.DeleteFunc(slices.Clone(m.earlier), func(e board.Earlier) bool { return e.Record == but }), nil
}

func (m *shelf) Pick(ctx context.Context, line, number string) (string, error) {
	m.mu.Lock()
	hangs := m.hangs
	m.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return "", ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.picks[line+" "+number], m.err
}

// stage is a board on which history works, in a bubble of time.
type stage struct {
	t *testing.T
	*board.Board
	memory *shelf
}

func play(t *testing.T, scene func(s *stage)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ids := 0
		s := &stage{t: t, memory: &shelf{picks: map[string]string{"desk +4512345678": "crm/18"}},
			Board: board.New(board.Options{Epoch: "e", NewID: func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Run(ctx, s.Board, s.memory, slog.New(slog.DiscardHandler))
		}()
		synctest.Wait()
		scene(s)
		cancel()
		<-ended
		if len(s.Enrichers()) > 0 {
			t.Error("it is registered still")
		}
	})
}

// show commits until nothing is pending and everybody has answered.
func (s *stage) show() {
	for {
		synctest.Wait()
		batch := s.Take()
		if len(batch) == 0 {
			return
		}
		s.Show(batch, true, time.Now())
	}
}

// opens opens a record with people who may be there.
func (s *stage) opens(number string, people ...string) string {
	s.t.Helper()
	id, _ := s.OpenLookup("desk", board.SourceUser, []board.NewClaim{{Field: "party.number", Value: number}}, time.Now())
	s.show()
	for _, p := range people {
		s.adds(id, p)
	}
	s.show()
	return id
}

func (s *stage) adds(id, person string) {
	s.t.Helper()
	if _, _, err := s.PutItem(id, "crm", board.NewItem{List: board.Candidates, ID: person, Fields: map[string]string{"party.name": "Person " + person}}, time.Now()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) wants(id, ref, source, name string) {
	s.t.Helper()
	s.show()
	r := s.Get(id)
	var shown board.Claim
	if f := r.Fields[board.CandidateField]; f != nil {
		shown = f.Shown()
	}
	if shown.Value != ref || shown.Source != source || r.Value("party.name") != name {
		s.t.Errorf("picked is %q by %q, the name is %q; want %q by %q, %q", shown.Value, shown.Source, r.Value("party.name"), ref, source, name)
	}
}

// TestRemembered: who was picked at a number is picked again when they are among the candidates, in the same wave, and the
// record settles after it (B-16, B-24).
func TestRemembered(t *testing.T) {
	play(t, func(s *stage) {
		id := s.opens("+4512345678", "17", "18")
		s.wants(id, "crm/18", "history", "Person 18")
		r := s.Get(id)
		if q := r.Fields[board.CandidateField].Shown().Quality; q != board.Derived {
			s.t.Errorf("it is %s", q)
		}
		if r.Settled == nil || len(r.Settled.Unanswered) > 0 || r.Settled.Wave != r.Wave {
			s.t.Errorf("settled: %+v in wave %d", r.Settled, r.Wave)
		}
		s.wants(s.opens("+4587654321", "17", "18"), "", "", "") // nobody was picked there
		other := s.opens("+4512345679", "17")
		s.memory.picks["desk +4512345679"] = "crm/99"
		s.adds(other, "16")
		s.wants(other, "", "", "") // who was is not there
	})
}

// TestPersonSaysElse: where the person has picked, nothing is added; what is no longer remembered is taken back (B-24).
func TestPersonSaysElse(t *testing.T) {
	play(t, func(s *stage) {
		id := s.opens("+4512345678")
		if _, err := s.Claim(id, board.SourceUser, []board.NewClaim{{Field: board.CandidateField, Value: "crm/17"}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		s.adds(id, "17")
		s.adds(id, "18")
		s.wants(id, "crm/17", "user", "Person 17")
		if _, err := s.Claim(id, board.SourceUser, []board.NewClaim{{Field: board.CandidateField}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		s.wants(id, "", "", "")
		s.adds(id, "19")
		s.wants(id, "crm/18", "history", "Person 18")
		delete(s.memory.picks, "desk +4512345678")
		s.adds(id, "20")
		s.wants(id, "", "", "")
	})
}

// TestStoreDown: a store that fails or hangs keeps no record from settling for long.
func TestStoreDown(t *testing.T) {
	play(t, func(s *stage) {
		s.memory.err = errors.New("disk")
		failed := s.opens("+4512345678", "18")
		if r := s.Get(failed); r.Settled == nil || len(r.Settled.Unanswered) != 1 {
			s.t.Errorf("it failed: settled %+v", r.Settled)
		}
		s.memory.mu.Lock()
		s.memory.err, s.memory.hangs = nil, true
		s.memory.mu.Unlock()
		began := time.Now()
		hung := s.opens("+4587654321", "18")
		for range 2 { // it is asked when the record is opened, and again when there are candidates
			time.Sleep(patient + time.Millisecond) // in the bubble: no time passes
			s.show()
		}
		if r := s.Get(hung); r.Settled == nil || time.Since(began) > 5*time.Second {
			s.t.Errorf("it hangs: settled %+v", r.Settled)
		}
	})
}

// A name that changes asks the store nothing, for a moment; another number does, and so does a record that is opened again.
func TestReadOnce(t *testing.T) {
	play(t, func(s *stage) {
		id := s.opens("+4512345678")
		names := func(name string, want int) {
			s.t.Helper()
			if _, err := s.Claim(id, board.SourceUser, []board.NewClaim{{Field: "party.name", Value: name}}, time.Now()); err != nil {
				s.t.Fatal(err)
			}
			s.show()
			if s.memory.read != want {
				s.t.Errorf("with the name %s the store was read %d times, want %d", name, s.memory.read, want)
			}
		}
		names("Ann", 1)
		names("Anna", 1)
		time.Sleep(keptFor)
		names("Annabel", 2)
		if _, err := s.Claim(id, board.SourceUser, []board.NewClaim{{Field: "party.number", Value: "+4587654321"}}, time.Now()); err != nil {
			s.t.Fatal(err)
		}
		names("Ann", 3)
	})
}
