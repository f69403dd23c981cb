package line_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

// desk is a line of 1001 and 1002 in Denmark, on a board of its own.
type desk struct {
	*line.Line
	board *board.Board
	now   time.Time
}

func newDesk(live []telephony.Call, seenAt time.Time) *desk {
	ids := 0
	newID := func(kind string) string { ids++; return fmt.Sprint(kind, "_", ids) }
	b := board.New(board.Options{Epoch: "e1", NewID: newID, Normal: line.Normal("DK")})
	l := line.New(line.Options{Name: "Reception", Region: "DK", NewID: newID,
		Extensions: []tracker.Extension{{Number: "1001", Name: "Alice"}, {Number: "1002"}}}, b, live, seenAt)
	return &desk{Line: l, board: b, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
}

func (d *desk) observe(f telephony.Fact, legs ...telephony.LegFacts) {
	d.now = d.now.Add(100 * time.Millisecond)
	d.Observe(telephony.Observation{ObservedAt: d.now, Legs: legs, Fact: f})
}

// show commits and returns the kinds of what was shown.
func (d *desk) show() (kinds []string) {
	for batch := d.board.Take(); len(batch) > 0; batch = d.board.Take() {
		for _, c := range batch {
			kinds = append(kinds, c.Kind)
		}
		d.board.Show(batch, true, d.now)
	}
	return kinds
}

// rings is a call to 1001.
func (d *desk) rings(device, number, name string) *board.Record {
	d.observe(telephony.LegAdded{Leg: "A"}, telephony.LegFacts{Leg: "A", Device: device, State: telephony.LegCalling, Number: number, Name: name})
	d.observe(telephony.LegAdded{Leg: "B"}, telephony.LegFacts{Leg: "B", Device: "PJSIP/1001", State: telephony.LegDown, Number: "1001"})
	d.observe(telephony.DialBegan{From: "A", To: "B"})
	d.observe(telephony.LegSeen{}, telephony.LegFacts{Leg: "B", State: telephony.LegRinging})
	d.show()
	list, _ := d.board.Snapshot(board.Open)
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// What the PBX says becomes claims: numbers in E.164 where they can be, names as a guess, all of it on one line (B-3, B-7).
func TestObservedClaims(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, device, number, callerName string
		want                             map[string]string
	}{
		{"a number of this country", "PJSIP/trunk", "32 12 34 56", "Mette", map[string]string{"party.number": "+4532123456", "party.number_raw": "32 12 34 56", "party.name": "Mette"}},
		{"a number with its country", "PJSIP/trunk", "+12025550143", "", map[string]string{"party.number": "+12025550143", "party.number_raw": "+12025550143", "party.name": ""}},
		{"an international prefix", "PJSIP/trunk", "0012025550143", "", map[string]string{"party.number": "+12025550143"}},
		{"too short to be one", "PJSIP/trunk", "112", "", map[string]string{"party.number": "112", "party.number_raw": "112"}},
		{"anonymous", "PJSIP/trunk", "anonymous", "Anonymous", map[string]string{"party.number": "", "party.number_raw": "anonymous", "party.name": "Anonymous"}},
		{"no number at all", "PJSIP/trunk", "", "", map[string]string{"party.number": "", "party.number_raw": "", "party.name": ""}},
		{"a colleague", "PJSIP/1003", "1003", "Carol", map[string]string{"party.number": "1003", "party.name": "Carol"}},
		{"a hostile name", "PJSIP/trunk", "12345678", "Eve\r\nEvent: Hangup\x00\u202e", map[string]string{"party.name": "Eve Event: Hangup"}},
		{"a hostile number", "PJSIP/trunk", "123\r\nUniqueid: 7", "", map[string]string{"party.number": "", "party.number_raw": "123 Uniqueid: 7"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(nil, time.Time{})
			r := d.rings(test.device, test.number, test.callerName)
			for field, want := range test.want {
				if got := r.Value(field); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
			if r.Value("user.number") != "1001" || r.Value("user.extension") != "1001" || r.Value("user.name") != "Alice" || r.Line != "Reception" {
				t.Errorf("the user is %+v on line %q", r.Fields, r.Line)
			}
			for field, f := range r.Fields {
				want := board.Verified
				if field == "party.name" || field == "user.name" {
					want = board.Guess
				}
				if c := f.Shown(); c.Quality != want || c.Source != board.SourcePBX {
					t.Errorf("%s is %s by %s, want %s by the PBX", field, c.Quality, c.Source, want)
				}
			}
		})
	}
}

// A call goes from the tracker to the board in order; what the link did is told beside it.
func TestObservedStory(t *testing.T) {
	t.Parallel()
	d := newDesk(nil, time.Time{})
	if got := d.Link(); got.State != telephony.LinkConnecting {
		t.Errorf("at first the link is %s", got.State)
	}
	d.SetLink(telephony.Link{State: telephony.LinkGone, Problem: "refused"})
	d.SetLink(telephony.Link{State: telephony.LinkGone, Problem: "refused"})
	d.SetLink(telephony.Link{State: telephony.LinkGone, Problem: "no answer"})
	d.SetLink(telephony.Link{State: telephony.LinkConnected, Peer: "Asterisk"})
	if got := fmt.Sprintf("%v %s", d.show(), d.Link().Peer); got != "[pbx.lost pbx.lost pbx.connected] Asterisk" {
		t.Errorf("told %s", got)
	}
	r := d.rings("PJSIP/trunk", "32123456", "Mette")
	d.observe(telephony.LegSeen{}, telephony.LegFacts{Leg: "B", State: telephony.LegUp})
	if got := fmt.Sprint(d.show()); got != "[call.answered]" {
		t.Errorf("told %s", got)
	}
	d.observe(telephony.LinkLost{})
	d.observe(telephony.Snapshot{})
	if got := fmt.Sprint(d.show()); got != "[call.updated pbx.gap call.ended]" {
		t.Errorf("told %s", got)
	}
	if got := d.board.Get(r.ID); got.Complete() || got.Call.State != telephony.Ended || got.Value("party.number") != "+4532123456" {
		t.Errorf("the record is %+v", got)
	}
	if d.Name() != "Reception" || fmt.Sprint(d.Extensions()) != "[1001 1002]" {
		t.Errorf("the line is %s %v", d.Name(), d.Extensions())
	}
}

// A line goes on with the calls that were live when the program ended.
func TestLineRestores(t *testing.T) {
	t.Parallel()
	d := newDesk(nil, time.Time{})
	r := d.rings("PJSIP/trunk", "32123456", "Mette")
	again := newDesk([]telephony.Call{*r.Call}, d.now)
	again.board.Restore([]*board.Record{r}, nil, 100, 100)
	again.now = d.now.Add(time.Minute)
	again.observe(telephony.Snapshot{Legs: []telephony.SnapshotLeg{
		{LegFacts: telephony.LegFacts{Leg: "A", Device: "PJSIP/trunk", State: telephony.LegCalling}},
		{LegFacts: telephony.LegFacts{Leg: "B", Device: "PJSIP/1001", State: telephony.LegRinging}, Called: true},
	}})
	again.observe(telephony.LegSeen{}, telephony.LegFacts{Leg: "B", State: telephony.LegUp})
	again.show()
	list, _ := again.board.Snapshot("")
	if len(list) != 1 || list[0].ID != r.ID || list[0].Call.State != telephony.Connected || !list[0].Call.StartedAt.Equal(r.Call.StartedAt) {
		t.Errorf("%d records, the first %+v", len(list), list[0].Call)
	}
}

func TestLookupClaims(t *testing.T) {
	t.Parallel()
	got, err := line.LookupClaims(" 32 12 34 56 ", "DK")
	if err != nil || len(got) != 2 || got[0] != (board.NewClaim{Field: "party.number", Value: "+4532123456", Quality: board.Confirmed}) || got[1].Value != "32 12 34 56" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "x", "1234567890123", "Mette Holm", "+", "\x00", "+999999999999999999999"} {
		if _, err := line.LookupClaims(bad, "DK"); err == nil {
			t.Errorf("%q is taken for a number", bad)
		}
	}
}

func TestNormal(t *testing.T) {
	t.Parallel()
	normal := line.Normal("DK")
	for _, same := range [][3]string{{"party.number", "32123456", "+45 32 12 34 56"}, {"party.number", "00 45 32123456", "+4532123456"},
		{"party.email", "Ann@Example.com ", "ann@example.com"}, {"party.name", "Ann  Lee", "ann lee"}} {
		if a, b := normal(same[0], same[1]), normal(same[0], same[2]); a != b {
			t.Errorf("%s: %q reads %q, %q reads %q", same[0], same[1], a, same[2], b)
		}
	}
	if a, b := normal("party.name", "12345678"), normal("party.name", "+4512345678"); a == b {
		t.Error("a name is read as a number")
	}
}
