//go:build linux

package store

import (
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/store/pgtest"
)

// TestRoundTrips: how often a server is waited for does not grow with what is done. One more than that is let pass: a connection that has
// rested for a second is asked whether it is still there.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	way := newWay(t, at, 0)
	s := openStore(t, way.to(at))
	s.listing.stop()
	<-s.listing.stopped // nobody lists but this test
	w := newWriter(t, s)
	record := w.open("+4512345678")
	w.commit()
	if err := s.AddApp(t.Context(), App{ID: "crm"}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveWebhook(t.Context(), Webhook{ID: "crm"}); err != nil {
		t.Fatal(err)
	}
	n, r := 0, rand.New(rand.NewPCG(1, 1))
	claim := func() error {
		n++
		w.claim(record, "party.name", fmt.Sprint("Name ", n))
		return nil
	}
	open := func() error {
		n++
		w.open(fmt.Sprint("+45", 10_000_000+n))
		return nil
	}
	commit := func() error { w.commit(); return nil }
	var deliveries []WebhookDelivery
	deliver := func() error {
		n++
		deliveries = append(deliveries, WebhookDelivery{ID: fmt.Sprint("del_", n), Hook: "crm", State: waiting})
		return nil
	}
	var records []*board.Record
	generate := func() error {
		n++
		records = append(records, generated(r, fmt.Sprintf("rec_x%06d", n), time.Now(), 20))
		return nil
	}
	next := func() (*board.Record, error) {
		if len(records) == 0 {
			return nil, io.EOF
		}
		one := records[0]
		records = records[1:]
		return one, nil
	}
	for _, c := range []struct {
		what    string
		most    int64
		times   int
		prepare func() error
		do      func() error
	}{
		{"a commit of a change", 2, 1, claim, commit},
		{"a commit of 256 changes", 2, 256, claim, commit},
		{"a commit that opens records", 2, listAtOnce - 2, open, commit},
		{"to list them", 7, 1, claim, func() error { return s.list(t.Context()) }},
		{"to keep deliveries", 2, 20, deliver, func() error {
			err := s.SaveDeliveries(t.Context(), "crm", board.Cursor{}, nil, deliveries, nil)
			deliveries = nil
			return err
		}},
		{"an import", 10, importAtOnce - 1, generate, func() error {
			_, _, err := s.Import(t.Context(), next)
			return err
		}},
		{"a page of the log", 5, 1, claim, func() error {
			_, err := s.Log(t.Context(), board.LogQuery{Limit: 50, View: board.LogMissed})
			return err
		}},
	} {
		for _, again := range []bool{false, true} { // at first there is something to prepare
			for range c.times {
				if err := c.prepare(); err != nil {
					t.Fatal(err)
				}
			}
			before := way.trips.Load()
			if err := c.do(); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			if took := way.trips.Load() - before; took > c.most+1 && again {
				t.Errorf("%s: %d round trips, want %d at most", c.what, took, c.most)
			}
		}
	}
}
