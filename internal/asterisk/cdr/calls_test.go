package cdr

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// written is a Master.csv of rows.
func master(t *testing.T, rows string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Master.csv")
	if err := os.WriteFile(path, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// day is when the rows of these tests were written.
var day = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)

func read(t *testing.T, o Options) []telephony.PastCall {
	t.Helper()
	if len(o.Extensions) == 0 {
		o.Extensions = []telephony.Extension{{Number: "1001", Name: "Alice"}}
	}
	if o.Zone == "" {
		o.Zone = "UTC"
	}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := r.Calls(t.Context(), day, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// TestOffice reads what a real Asterisk wrote of everything that an office does with its telephones.
func TestOffice(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/office.txt")
	if err != nil {
		t.Fatal(err)
	}
	flows := strings.Split(string(text), "\n== ")[1:]
	if len(flows) < 80 {
		t.Fatalf("%d flows", len(flows))
	}
	for _, flow := range flows {
		name, rest, _ := strings.Cut(flow, "\n")
		var rows []string
		want := map[string]string{}
		for line := range strings.SplitSeq(rest, "\n") {
			extension, says, found := strings.Cut(line, ": ")
			switch {
			case strings.HasPrefix(line, `"`):
				rows = append(rows, line)
			case found && !strings.HasPrefix(line, "#"):
				want[extension] = says
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := master(t, strings.Join(rows, "\n")+"\n")
			for _, extension := range []string{"1001", "1002", "1003", "1004", "1006"} {
				var got []string
				for _, c := range read(t, Options{Source: path, Extensions: []telephony.Extension{{Number: extension}}}) {
					checkCall(t, &c)
					got = append(got, brief(&c.Call.Views[0]))
				}
				if now := strings.Join(got, "; "); now != want[extension] {
					t.Errorf("%s: got  %s\nwant %s", extension, now, want[extension])
				}
			}
		})
	}
}

func brief(v *telephony.View) string {
	line := fmt.Sprintf("%s %s %s %s", v.Direction, v.Party.Number, v.Party.Name, v.Result)
	if v.AnsweredBy != "" {
		line += " by " + v.AnsweredBy
	}
	return strings.Join(strings.Fields(line), " ")
}

// checkCall holds what is so of every call that is read back.
func checkCall(t *testing.T, p *telephony.PastCall) {
	t.Helper()
	c := &p.Call
	switch {
	case c.State != telephony.Ended || !c.Unseen || c.Complete:
		t.Errorf("it is %s, unseen %v, complete %v", c.State, c.Unseen, c.Complete)
	case len(p.Legs) == 0 || len(c.Legs) == 0 || len(c.Legs) > mostLegs || len(c.Views) == 0 || len(c.Timeline) < 2:
		t.Errorf("legs %v, %d views", p.Legs, len(c.Views))
	case c.StartedAt.IsZero() || c.EndedAt.Before(c.StartedAt) || !c.AnsweredAt.IsZero() && (c.AnsweredAt.Before(c.StartedAt) || c.EndedAt.Before(c.AnsweredAt)):
		t.Errorf("from %s, answered %s, until %s", c.StartedAt, c.AnsweredAt, c.EndedAt)
	case c.Result == "" || c.Direction == "" || c.Recorded != telephony.Unknown || c.Encrypted != telephony.Unknown:
		t.Errorf("%s %s, recorded %s", c.Result, c.Direction, c.Recorded)
	}
	for _, e := range c.Timeline {
		if !strings.Contains(e.Detail, ReadBack) {
			t.Errorf("the timeline does not say where it is from: %+v", e)
		}
	}
	ids := map[telephony.LegID]bool{}
	for _, l := range c.Legs {
		if l.ID == "" || ids[l.ID] {
			t.Errorf("leg %q is there twice, or has no id", l.ID)
		}
		ids[l.ID] = true
	}
}

// TestTwoExtensions: on a line with several extensions a conversation is one call, with a view of each.
func TestTwoExtensions(t *testing.T) {
	t.Parallel()
	path := master(t, `"","2025550143","5550201","from-trunk","""Bob"" <2025550143>","PJSIP/trunk-0000001f","PJSIP/1001-00000020","Dial","PJSIP/1001&PJSIP/1002,3","2026-11-28 22:54:07",,"2026-11-28 22:54:10",3,0,"NO ANSWER","DOCUMENTATION","1795906447.35","","","1795906447.35",48
"","2025550143","5550201","from-trunk","""Bob"" <2025550143>","PJSIP/trunk-0000001f","PJSIP/1002-00000021","Dial","PJSIP/1001&PJSIP/1002,3","2026-11-28 22:54:07","2026-11-28 22:54:10","2026-11-28 22:54:40",33,30,"ANSWERED","DOCUMENTATION","1795906447.35","","","1795906447.35",52
`)
	calls := read(t, Options{Source: path, Extensions: []telephony.Extension{{Number: "1001"}, {Number: "1002", Device: "pjsip/1002"}}})
	if len(calls) != 1 || len(calls[0].Call.Views) != 2 {
		t.Fatalf("%+v", calls)
	}
	c := calls[0].Call
	if c.Result != telephony.Answered || c.User.Extension != "1002" || c.Views[0].Result != telephony.AnsweredElsewhere || c.Views[0].AnsweredBy != "1002" {
		t.Errorf("%+v", c)
	}
	if talk := c.EndedAt.Sub(c.AnsweredAt); talk != 30*time.Second || !c.StartedAt.Equal(time.Date(2026, 11, 28, 22, 54, 7, 0, time.UTC)) {
		t.Errorf("it began %s, talk %s", c.StartedAt, talk)
	}
}

// TestNewestAreTaken: of more calls than may be read back the newest are.
func TestNewestAreTaken(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	for i := range 20 {
		fmt.Fprintf(&rows, `"","2025550143","5550101","from-trunk","","PJSIP/trunk-%08x","PJSIP/1001-%08x","Dial","PJSIP/1001","2026-11-28 10:%02d:00",,"2026-11-28 10:%02d:05",5,0,"NO ANSWER","DOCUMENTATION","179586%04d.%d",""`+"\n", 2*i, 2*i+1, i, i, i, i)
	}
	r, err := Open(Options{Source: master(t, rows.String()), Extensions: []telephony.Extension{{Number: "1001"}}, Zone: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	calls, err := r.Calls(t.Context(), day.Add(10*time.Hour+3*time.Minute), 5)
	if err != nil || len(calls) != 5 || calls[0].Call.StartedAt.Minute() != 15 || calls[4].Call.StartedAt.Minute() != 19 {
		t.Errorf("%d calls, %v", len(calls), err)
	}
	if calls, err = r.Calls(t.Context(), day.Add(10*time.Hour+17*time.Minute), 5); err != nil || len(calls) != 3 {
		t.Errorf("since: %d calls, %v", len(calls), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = r.Calls(ctx, day, 5); err == nil {
		t.Error("it reads on although nobody waits")
	}
}

// TestWithoutIDs: cdr.conf's own default writes no unique ids; rows of a call are known by their channels then.
func TestWithoutIDs(t *testing.T) {
	t.Parallel()
	path := master(t, `"","2025550143","5550205","from-trunk","""Bob"" <2025550143>","PJSIP/trunk-00000018","PJSIP/1001-00000019","Dial","PJSIP/1001,4,tT","2026-11-28 22:54:07",,"2026-11-28 22:54:11",4,0,"NO ANSWER","DOCUMENTATION"
"","2025550143","5550205","from-trunk","""Bob"" <2025550143>","PJSIP/trunk-00000018","PJSIP/1001-0000001a","Dial","PJSIP/1001,4,tT","2026-11-28 22:54:11","2026-11-28 22:54:12","2026-11-28 22:54:13",2,1,"ANSWERED","DOCUMENTATION"
"","2025550166","5550205","from-trunk","""Dora"" <2025550166>","PJSIP/trunk-00000018","PJSIP/1001-00000019","Dial","PJSIP/1001,4,tT","2026-11-28 23:30:07",,"2026-11-28 23:30:11",4,0,"BUSY","DOCUMENTATION"
`)
	calls := read(t, Options{Source: path})
	if len(calls) != 2 || calls[0].Call.Result != telephony.Answered || calls[1].Call.Result != telephony.Busy || slices.Equal(calls[0].Legs, calls[1].Legs) {
		t.Errorf("%+v", calls)
	}
}

// TestLongQueue: a caller who waits for hours in a queue of many agents makes a row for each time that one of them rings. To read
// those takes time in proportion.
func TestLongQueue(t *testing.T) {
	t.Parallel()
	took := func(rows int) time.Duration {
		var all strings.Builder
		for i := range rows {
			at := day.Add(time.Duration(i/20*5) * time.Second)
			fmt.Fprintf(&all, `"","2025550143","600","from-trunk","x","PJSIP/trunk-00000001","PJSIP/%d-%08x","Queue","support,t","%s",,"%s",4,0,"NO ANSWER","DOCUMENTATION","1795824000.1",""`+"\n",
				1001+i%20, i+2, at.Format(time.DateTime), at.Add(4*time.Second).Format(time.DateTime))
		}
		began := time.Now()
		if got := read(t, Options{Source: master(t, all.String())}); len(got) != 1 || len(got[0].Call.Legs) > mostLegs {
			t.Fatalf("%d rows are %d calls", rows, len(got))
		}
		return time.Since(began)
	}
	if few, many := max(took(2500), 50*time.Millisecond), took(20_000); many > 30*few { // 15 s as against 0.3 when it grew with the square
		t.Errorf("8 times the rows took %v, %v for those", many, few)
	}
}
