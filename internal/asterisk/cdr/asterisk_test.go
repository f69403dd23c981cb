//go:build linux

package cdr

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// TestAsterisk has a real Asterisk write its records into a Master.csv, into one in UTC, and into a real PostgreSQL, and reads the same
// calls out of each.
func TestAsterisk(t *testing.T) {
	t.Parallel()
	db, address := startTestPostgres(t)
	if err := exec1(t.Context(), db, "CREATE TABLE cdr ("+fmt.Sprintf(freePBX, "timestamp")+", sequence int)"); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l := lab.StartT(t, lab.Options{Append: map[string]string{
		"modules.conf":   "load = cdr_csv.so\nload = cdr_pgsql.so",
		"cdr.conf":       "[csv]\nusegmtime=yes\nloguniqueid=yes\nloguserfield=yes\nnewcdrcolumns=yes\naccountlogs=no",
		"cdr_pgsql.conf": fmt.Sprintf("[global]\nhostname=%s\nport=5432\ndbname=postgres\nuser=postgres\npassword=none\ntable=cdr\ntimezone=America/New_York\nencoding=UTF8\n", u.Query().Get("host")),
	}})
	file := filepath.Join(l.Dir(), "log/cdr-csv/Master.csv")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	callTwice(t, l)
	for _, o := range []Options{{Source: file, Zone: "UTC"}, {Source: address, Zone: "America/New_York"}} {
		o.Extensions = []telephony.Extension{{Number: "1001"}}
		r, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		var calls []telephony.PastCall
		for limit := time.Now().Add(30 * time.Second); len(calls) < 2 && time.Now().Before(limit); time.Sleep(50 * time.Millisecond) { // it writes after the phones have hung up
			if calls, err = r.Calls(t.Context(), began.Add(-time.Minute), 10); err != nil && o.Source != file { // the file comes with the first row
				t.Fatal(err)
			}
		}
		if len(calls) != 2 {
			t.Fatalf("%s: %d calls", r.Name(), len(calls))
		}
		for i, want := range []string{"inbound 2025550143 Bob Caller missed", "inbound 4512345678 Jørgen answered"} {
			checkCall(t, &calls[i])
			c := &calls[i].Call
			if got := brief(&c.Views[0]); got != want || c.StartedAt.Before(began.Add(-2*time.Second)) || c.EndedAt.After(time.Now().Add(time.Second)) || !identified(calls[i].Legs) {
				t.Errorf("%s: %s, want %s; from %s to %s, legs %v", r.Name(), got, want, c.StartedAt, c.EndedAt, calls[i].Legs)
			}
		}
		if f, err := r.Look(t.Context()); err != nil || f.Off != 0 || !f.Ids || f.Bad != 0 {
			t.Errorf("%s: %+v, %v", r.Name(), f, err)
		}
	}
}

func identified(legs []telephony.LegID) bool {
	_, known := born(string(legs[0]))
	return known
}

// callTwice: nobody answers Bob, and Jørgen is answered.
func callTwice(t *testing.T, l *lab.Lab) {
	t.Helper()
	ctx := t.Context()
	desk, outside := l.PhoneT(t, "1001"), l.OutsideT(t)
	for _, who := range []phone.CallOptions{{From: "2025550143", Name: "Bob Caller"}, {From: "4512345678", Name: "Jørgen"}} {
		call, err := outside.Call(ctx, "5550101", who)
		if err != nil {
			t.Fatal(err)
		}
		ringing, err := desk.Incoming(ctx)
		if err == nil {
			err = ringing.Ring(ctx)
		}
		if err == nil {
			err = call.WaitRinging(ctx)
		}
		if err == nil && who.Name == "Jørgen" {
			if err = ringing.Answer(ctx); err == nil {
				err = call.WaitAnswered(ctx)
			}
		}
		if err == nil {
			err = call.Hangup(ctx)
		}
		if err == nil {
			_, err = ringing.WaitEnded(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
