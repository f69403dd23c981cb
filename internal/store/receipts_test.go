package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// D-10: what was answered to a write is durable with what the write did, also when the batch is committed once more; and for a day.
func TestReceipts(t *testing.T) { both(t, testReceipts) }

func testReceipts(t *testing.T, at string) {
	ctx, path := t.Context(), at
	s := openStore(t, path)
	w := newWriter(t, s)
	now := time.Now()
	receipt := func(key string, at time.Time) *board.Receipt {
		return &board.Receipt{Source: "crm", Key: key, Request: [32]byte{7}, At: at, Answer: func(r *board.Receipt) (int, []byte) {
			return 200, fmt.Appendf(nil, `{"rev":%d}`, r.Written.Rev)
		}}
	}
	id := w.open("+4512345678")
	w.commit()
	if _, err := w.board.Claim(id, "crm", []board.NewClaim{{Field: "party.name", Value: "Mette"}}, now, receipt("new", now)); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Command(ctx, "crm", "new", now); err != nil || c != nil {
		t.Errorf("before its commit: %+v, %v", c, err)
	}
	batch := w.board.Take()
	if err := s.Commit(ctx, w.epoch, batch); err != nil {
		t.Fatal(err)
	}
	once, _, err := encode(batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.within(ctx, func(tx transaction) error { return saveReceipts(ctx, tx, once) }); err != nil {
		t.Errorf("once more: %v", err)
	}
	w.board.Show(batch, true, now)
	if err := s.KeepReceipt(ctx, receipt("alone", now)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // it ends before it has answered
		t.Fatal(err)
	}
	s = openStore(t, path)
	if c, err := s.Command(ctx, "crm", "new", now); err != nil || c == nil || c.Status != 200 || string(c.Answer) != `{"rev":3}` || c.Request != [32]byte{7} {
		t.Errorf("afterwards: %+v, %v", c, err)
	}
	for key, want := range map[string]bool{"alone": true, "never": false} {
		if c, err := s.Command(ctx, "crm", key, now); err != nil || (c != nil) != want {
			t.Errorf("%s: %+v, %v", key, c, err)
		}
	}
	if c, err := s.Command(ctx, "crm", "new", now.Add(commandsFor+time.Minute)); err != nil || c != nil {
		t.Errorf("a day later: %+v, %v", c, err)
	}
	if _, err := s.writer.Exec(`UPDATE commands SET at = at - ?`, (commandsFor + time.Minute).Milliseconds()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := openStore(t, path).readers.QueryRow(`SELECT count(*) FROM commands`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d keys are kept for longer than a day, %v", left, err)
	}
}
