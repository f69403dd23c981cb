package cdr

import (
	"strconv"
	"testing"
	"time"
)

// TestClock: times are local ones of the PBX, or UTC. The hour that comes twice when summer time ends is told by the unique id,
// which is in UTC always.
func TestClock(t *testing.T) {
	t.Parallel()
	utc := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	id := func(at time.Time) string { return "pbx-1-" + strconv.FormatInt(at.Unix(), 10) + ".17" }
	for _, test := range []struct{ zone, text, unique, want string }{
		{"UTC", "2026-11-28 22:05:00", "", "2026-11-28T22:05:00Z"},
		{"Europe/Copenhagen", "2026-11-28 22:05:00", "", "2026-11-28T21:05:00Z"},
		{"Europe/Copenhagen", "2026-07-28 22:05:00", "", "2026-07-28T20:05:00Z"},
		{"Europe/Copenhagen", "2026-07-28 22:05:00.123456", "", "2026-07-28T20:05:00.123456Z"},
		{"Europe/Copenhagen", "2026-10-25 02:30:00", id(utc("2026-10-25T00:30:00Z")), "2026-10-25T00:30:00Z"},
		{"Europe/Copenhagen", "2026-10-25 02:30:00", id(utc("2026-10-25T01:30:00Z")), "2026-10-25T01:30:00Z"},
		{"Europe/Copenhagen", "2026-10-25 02:30:00", "", "2026-10-25T00:30:00Z"},
		{"Europe/Copenhagen", "2026-10-25 02:30:00", id(utc("2026-10-25T00:10:00Z")), "2026-10-25T00:30:00Z"}, // it waited in a queue
		{"Europe/Copenhagen", "2026-10-25 03:30:00", id(utc("2026-10-25T02:30:00Z")), "2026-10-25T02:30:00Z"},
		{"America/New_York", "2026-11-01 01:30:00", id(utc("2026-11-01T06:30:00Z")), "2026-11-01T06:30:00Z"},
		{"America/New_York", "2026-11-01 01:30:00", id(utc("2026-11-01T05:30:00Z")), "2026-11-01T05:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45:00", id(utc("2026-04-04T15:15:00Z")), "2026-04-04T15:15:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45:00", id(utc("2026-04-04T14:45:00Z")), "2026-04-04T14:45:00Z"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got, read := clock(test.text, test.unique, zone); !read || !got.Equal(utc(test.want)) {
			t.Errorf("%s in %s by %q is %s, want %s", test.text, test.zone, test.unique, got.UTC(), test.want)
		}
	}
	for _, text := range []string{"", "yesterday", "2026-02-30 10:00:00", "0000-00-00 00:00:00", "22:05:00"} {
		if at, read := clock(text, "", time.UTC); read {
			t.Errorf("%q is read as %s", text, at)
		}
	}
}
