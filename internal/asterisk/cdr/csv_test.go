package cdr

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// line is a row of a missed call at a minute of the day.
func line(minute int, account, clid string) string {
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	at := day.Add(time.Duration(minute) * time.Minute)
	return fmt.Sprintf(`%s,"2025550143","5550101","from-trunk",%s,"PJSIP/trunk-%08x","PJSIP/1001-%08x","Dial","PJSIP/1001,4","%s",,"%s",4,0,"NO ANSWER","DOCUMENTATION","%d.%d",""`,
		quoted(account), quoted(clid), 2*minute, 2*minute+1, at.Format(time.DateTime), at.Add(4*time.Second).Format(time.DateTime), at.Unix(), minute)
}

// TestHostileRows: rows are written by callers in part, and by PBXs that were killed. What makes no sense is left out; its neighbours
// are not.
func TestHostileRows(t *testing.T) {
	t.Parallel()
	good := line(1, "", `"Bob" <2025550143>`)
	last := line(9, "", `"Last" <2025550143>`)
	tests := []struct {
		name, rows string
		names      []string // of the callers
	}{
		{"account code with commas and quotes", line(2, `a,"b",c`, `"Ann" <1>`) + "\n", []string{"Ann"}},
		{"name with quotes and commas", line(2, "", `"Ann \"the, boss\" B" <1>`) + "\n", []string{`Ann "the, boss" B`}},
		{"name with line breaks", line(2, "", "\"Ann\r\nB\nC\" <1>") + "\n", []string{"Ann B C"}},
		{"Latin-1", line(2, "", "\"J\xf8rgen \xc5s\" <1>") + "\n", []string{"Jørgen Ås"}},
		{"NULs and controls", line(2, "", "\"A\x00n\x1bn\u202e\" <1>") + "\n", []string{"Ann"}},
		{"a giant name", line(2, "", `"`+strings.Repeat("A", 40_000)+`" <1>`) + "\n", []string{strings.Repeat("A", 128)}},
		{"a giant line", line(2, "", strings.Repeat("A", 200_000)) + "\n", nil},
		{"quotes without end", "\"\"\"\"\"\n\"x,\n", nil},
		{"a bad date", strings.Replace(line(2, "", "x"), "2026-11-28 00:02:00", "2026-13-40 99:99:99", 1) + "\n", nil},
		{"a date of long ago", strings.Replace(line(2, "", "x"), "2026-11-28 00:02:00", "1970-01-01 00:00:00", 1) + "\n", nil},
		{"a date to come", strings.Replace(line(2, "", "x"), "2026-11-28 00:02:00", "2999-01-01 00:00:00", 1) + "\n", nil},
		{"negative durations", strings.Replace(line(2, "", `"Ann" <1>`), ",4,0,", ",-4,-9,", 1) + "\n", []string{"Ann"}},
		{"endless durations", strings.Replace(line(2, "", `"Ann" <1>`), ",4,0,", ",99999999999999999999,NaN,", 1) + "\n", []string{"Ann"}},
		{"too few columns", `"a","b"` + "\n", nil},
		{"too many columns", line(2, "", "x") + strings.Repeat(`,"x"`, 30) + "\n", nil},
		{"text behind a quote", strings.Replace(line(2, "", "x"), `"5550101"`, `"5550101"x`, 1) + "\n", nil},
		{"empty lines", "\n\n\r\n", nil},
		{"killed in a line, no row behind it", good[:60] + "\n", nil},
		{"carriage returns", line(2, "", `"Ann" <1>`) + "\r\n", []string{"Ann"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var names []string
			for _, c := range read(t, Options{Source: master(t, good+"\n"+test.rows+last+"\n")}) {
				checkCall(t, &c)
				names = append(names, c.Call.Party.Name)
			}
			want := append(append([]string{"Bob"}, test.names...), "Last")
			if fmt.Sprint(names) != fmt.Sprint(want) {
				t.Errorf("got %.200q, want %.200q", names, want)
			}
		})
	}
}

// TestHalfLastLine: Asterisk writes while we read. A row without an end is read the next time.
func TestHalfLastLine(t *testing.T) {
	t.Parallel()
	whole := line(1, "", `"Bob" <1>`) + "\n"
	next := line(2, "", "\"Ann\nB\" <1>") + "\n"
	for cut := range len(next) {
		if calls := read(t, Options{Source: master(t, whole+next[:cut])}); len(calls) != 1 {
			t.Fatalf("cut at %d: %d calls", cut, len(calls))
		}
	}
	if calls := read(t, Options{Source: master(t, whole+next)}); len(calls) != 2 {
		t.Errorf("whole: %d calls", len(calls))
	}
}

// TestLargeFile: of a large file the end is read, as far back as is needed; and the files that it was rotated to.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	for minute := range 24 * 60 {
		fmt.Fprintln(&text, line(minute, strings.Repeat("x", 600), `"Bob" <1>`))
	}
	if text.Len() < 3*firstBlock {
		t.Fatalf("%d bytes are no large file", text.Len())
	}
	path := master(t, text.String())
	if calls := read(t, Options{Source: path}); len(calls) != 1000 {
		t.Errorf("%d calls", len(calls))
	}
	r, err := Open(Options{Source: path, Extensions: []telephony.Extension{{Number: "1001"}}, Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	rows, bad, used, err := r.source.(*csvFile).tail(t.Context(), path, day.Add(23*time.Hour), mostBytes)
	if err != nil || len(rows) != 60 || bad != 0 || used > firstBlock {
		t.Errorf("the last hour: %d rows, %d bad, %d bytes, %v", len(rows), bad, used, err)
	}
	rows, _, used, err = r.source.(*csvFile).tail(t.Context(), path, day.Add(-time.Hour), 2*firstBlock)
	if err != nil || used != 2*firstBlock || len(rows) < 500 || len(rows) > 700 {
		t.Errorf("bounded: %d rows of %d bytes, %v", len(rows), used, err)
	}
}

// TestWrongClock: a PBX that begins with a clock of long ago, until it hears the time, writes such rows behind those of today. They end
// nothing: what is before them is read.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	minutes := 0
	for ; text.Len() < 2*firstBlock; minutes++ {
		fmt.Fprintln(&text, line(minutes, "", `"Bob" <2025550143>`))
	}
	fmt.Fprintln(&text, strings.ReplaceAll(line(minutes, "", `"Old" <2025550143>`), `"2026-`, `"2016-`))
	for range 10 {
		minutes++
		fmt.Fprintln(&text, line(minutes, "", `"Bob" <2025550143>`))
	}
	r, err := Open(Options{Source: master(t, text.String()), Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	if rows, bad, err := r.source.rows(t.Context(), day); err != nil || len(rows) != minutes || bad != 0 {
		t.Errorf("%d rows of %d, %d bad, %v", len(rows), minutes, bad, err)
	}
}

// TestRotated: what logrotate has moved away is read, too, as long as it is not packed.
func TestRotated(t *testing.T) {
	t.Parallel()
	path := master(t, line(5, "", `"Now" <1>`)+"\n")
	for name, minute := range map[string]int{"Master.csv.1": 3, "Master.csv-20261127": 1} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(line(minute, "", `"`+name+`" <1>`)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"Master.csv.2.gz", "Master.csvx", "Master.csv.bak"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), other), []byte(line(4, "", `"Never" <1>`)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, c := range read(t, Options{Source: path}) {
		names = append(names, c.Call.Party.Name)
	}
	if fmt.Sprint(names) != "[Master.csv-20261127 Master.csv.1 Now]" {
		t.Errorf("%q", names)
	}
	old := day.Add(-100 * 24 * time.Hour)
	if err := os.Chtimes(filepath.Join(filepath.Dir(path), "Master.csv.1"), old, old); err != nil {
		t.Fatal(err)
	}
	if calls := read(t, Options{Source: path}); len(calls) != 2 {
		t.Errorf("with one that is old: %d calls", len(calls))
	}
}

// TestUnreadable: the error names the file, the reason and the remedy.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, path := range []string{filepath.Join(t.TempDir(), "none.csv"), t.TempDir()} {
		r, err := Open(Options{Source: path})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Calls(t.Context(), day, 10)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "pbx.cdr.source") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
	}
	if _, err := Open(Options{Zone: "Mars/Olympus"}); err == nil || !strings.Contains(err.Error(), "Europe/Copenhagen") {
		t.Errorf("an unknown zone: %v", err)
	}
}

// TestColumns: cdr.conf decides which columns there are.
func TestColumns(t *testing.T) {
	t.Parallel()
	base := make([]string, baseColumns)
	for extra, want := range map[string][2]string{ // uniqueid, linkedid
		"": {}, "1795906475.66": {"1795906475.66"}, "my field": {}, "1795906475.66,f": {"1795906475.66"}, "peer,1795906475.1,7": {"", "1795906475.1"},
		"pbx-1795906475.66,peer,1795906475.1,7": {"pbx-1795906475.66", "1795906475.1"}, "field,peer,1795906475.1,7": {"", "1795906475.1"},
		"1795906475.66,f,peer,1795906475.1,7": {"1795906475.66", "1795906475.1"},
	} {
		fields := base
		if extra != "" {
			fields = append(base[:baseColumns:baseColumns], strings.Split(extra, ",")...)
		}
		get := columns(fields)
		if got := [2]string{get("uniqueid"), get("linkedid")}; got != want {
			t.Errorf("%q: %q, want %q", extra, got, want)
		}
	}
}

// FuzzMaster: whatever a file holds, reading it ends, and what is made of it is a call.
func FuzzMaster(f *testing.F) {
	office, err := os.ReadFile("testdata/office.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(office)
	f.Add([]byte(line(1, `"`, "\"A\nB\" <1>") + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := csvFile{zone: time.UTC}
		rows, _, _, err := c.parse(t.Context(), text, day)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(Options{Extensions: []telephony.Extension{{Number: "1001"}, {Number: "1002"}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range r.calls(rows) {
			checkCall(t, &call)
		}
	})
}
