package app

import (
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/server/servertest"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestKeep: what is over goes at the start of a Callboard that is told so, and who follows hears of it; what is not stays.
func TestKeep(t *testing.T) {
	t.Parallel()
	c := settings("127.0.0.1:1", t.TempDir())
	db, err := store.OpenSQLite(t.Context(), filepath.Join(c.Data, "callboard.db"))
	if err != nil {
		t.Fatal(err)
	}
	n, records := 0, []*board.Record{closed("rec_old", 91), closed("rec_young", 89)}
	if _, _, err := db.Import(t.Context(), func() (*board.Record, error) {
		if n++; n > len(records) {
			return nil, io.EOF
		}
		return records[n-1], nil
	}); err != nil {
		t.Fatal(err)
	}
	loaded, err := db.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	start(t, c).stop() // which is told nothing
	c.Keep.Calls = 90
	p := resume(t, c, fmt.Sprint(loaded.Epoch, ":", 0))
	p.until("that it is gone", func(n servertest.Notification) bool {
		return n.Type == api.NotificationTypeRecordErased && n.Subject == "rec_old"
	})
	p.stop()
	if db, err = store.OpenSQLite(t.Context(), filepath.Join(c.Data, "callboard.db")); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if young, err := db.Record(t.Context(), "rec_young"); err != nil || young.Value("party.name") != "Ann" {
		t.Errorf("the young one: %+v, %v", young, err)
	}
	if old, err := db.Record(t.Context(), "rec_old"); err != nil || old != nil && old.Value("party.name") != "" {
		t.Errorf("the old one: %+v, %v", old, err)
	}
}

func closed(id string, days int) *board.Record {
	at := time.Now().AddDate(0, 0, -days).UTC()
	return &board.Record{ID: id, Rev: 1, Line: "1001", Origin: board.FromCall, State: board.Closed, OpenedAt: at, ClosedAt: at, Wave: 1, Items: map[string][]board.Item{},
		Call:   &telephony.Call{ID: telephony.CallID(id), Direction: telephony.Inbound, State: telephony.Ended, Result: telephony.Missed, StartedAt: at, EndedAt: at, Complete: true},
		Fields: map[string]*board.Field{"party.name": {Claims: []board.Claim{{Source: "crm", Value: "Ann", Quality: board.Matched, At: at}}}}}
}
