package store

import (
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// TestPicks: a pick is durable with the change that made it, is known after a restart, can be taken back (B-24), and is forgotten
// with the person (SEC-45).
func TestPicks(t *testing.T) { both(t, testPicks) }

func testPicks(t *testing.T, at string) {
	path := at
	s := openStore(t, path)
	w := newWriter(t, s)
	pick := func(number, ref string) {
		t.Helper()
		w.claim(w.open(number), board.CandidateField, ref)
		w.commit()
	}
	wants := func(s *Store, number, want string) {
		t.Helper()
		if got, err := s.Pick(t.Context(), "Alice", number); err != nil || got != want {
			t.Errorf("the pick at %s is %q, %v; want %q", number, got, err, want)
		}
	}
	pick("+4512345678", "crm/17")
	pick("+4587654321", "crm/18")
	pick("+4511111111", "erp/1")
	pick("+4511111111", "erp/2")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	w = newWriter(t, s)
	wants(s, "+4512345678", "crm/17")
	wants(s, "+4511111111", "erp/2")
	wants(s, "+4599999999", "")
	if other, err := s.Pick(t.Context(), "Bob", "+4512345678"); err != nil || other != "" {
		t.Errorf("on another line %q, %v", other, err)
	}
	pick("+4512345678", "")
	wants(s, "+4512345678", "")
	begun, striker := w.erase(board.Match{ID: "era_1", Numbers: []string{"+4587654321"}})
	if err := s.FinishErasure(t.Context(), begun, striker, time.Now); err != nil {
		t.Fatal(err)
	}
	wants(s, "+4587654321", "")
	wants(s, "+4511111111", "erp/2")
}

// TestGrants: what an app may is kept as it was said; one that was let in before grants were may what it could.
func TestGrants(t *testing.T) { both(t, testGrants) }

func testGrants(t *testing.T, at string) {
	s := openStore(t, at)
	if _, err := s.writer.Exec(`INSERT INTO apps (id, name, token_hash, created_at) VALUES ('before', '', ?, 0)`, []byte{1}); err != nil {
		t.Fatal(err)
	}
	all := board.Grant{Claim: []string{"*"}, Read: []string{"*"}}
	some := board.Grant{MaxQuality: board.Derived, AfterCall: true, Claim: []string{"party.email", "notes"}, Read: []string{"party.*"}}
	none := board.Grant{Claim: []string{}, Read: []string{}}
	for i, g := range []board.Grant{{}, some, none} {
		if err := s.AddApp(t.Context(), App{ID: []string{"a", "b", "c"}[i], TokenHash: [32]byte{byte(i + 2)}, CreatedAt: time.Now(), Grant: g}); err != nil {
			t.Fatal(err)
		}
	}
	apps, err := s.Apps(t.Context())
	if err != nil || len(apps) != 4 {
		t.Fatalf("%d apps, %v", len(apps), err)
	}
	for i, want := range []board.Grant{all, some, all, none} {
		got := apps[i].Grant
		if got.MaxQuality != want.MaxQuality || got.AfterCall != want.AfterCall || got.Claim == nil || got.Read == nil ||
			!slices.Equal(got.Claim, want.Claim) || !slices.Equal(got.Read, want.Read) {
			t.Errorf("%s: %+v, want %+v", apps[i].ID, got, want)
		}
	}
}
