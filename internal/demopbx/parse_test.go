package demopbx

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseScenario(t *testing.T) {
	t.Parallel()
	s := parse(t, `# Title of it
# more
0.0  a: outside +4512345678 "Mette \"M\" Holm" withheld calls 5550101, rings 1001, 1002
0.4  a: 1002 rings
1.5  a: 1001 answers
2.0  b: 1003 calls 95550199
2.5  b: outside is busy
6.4  a: outside hangs up

expect 1001 inbound +4512345678 "Mette \"M\" Holm" answered or missed ended_by other
       ringing 0.0, (connected 1.5),
       ended 6.4
expect 1002 inbound +4512345678 answered_elsewhere answered_by 1001
       ringing 0.4, ended 1.5
`)
	if s.Title != "Title of it" || s.Length != 6400*time.Millisecond || len(s.calls) != 2 {
		t.Errorf("%+v", s)
	}
	a := s.calls[0]
	if a.from != (party{"+4512345678", `Mette "M" Holm`}) || !a.withheld || a.route.kind != toGroup || len(s.steps) != 6 {
		t.Errorf("%+v", a)
	}
	if b := s.calls[1]; b.kind != outbound || b.route.number != "5550199" {
		t.Errorf("%+v", b)
	}
	want := []Expectation{
		{Line: 10, Extension: "1001", Direction: "inbound", OtherNumber: "+4512345678", OtherName: `Mette "M" Holm`,
			Result: "answered", ResultAlso: []string{"missed"}, EndedBy: "other",
			Timeline: []Moment{{"ringing", 0, false}, {"connected", 1500 * time.Millisecond, true}, {"ended", 6400 * time.Millisecond, false}}},
		{Line: 13, Extension: "1002", Direction: "inbound", OtherNumber: "+4512345678", Result: "answered_elsewhere", AnsweredBy: "1001",
			Timeline: []Moment{{"ringing", 400 * time.Millisecond, false}, {"ended", 1500 * time.Millisecond, false}}},
	}
	if !reflect.DeepEqual(s.Expect, want) {
		t.Errorf("got  %+v\nwant %+v", s.Expect, want)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	const call = "0.0 outside 2025550143 \"Bob\" calls 5550101, rings 1001\n"
	tests := []struct {
		text string
		line int
		want string
	}{
		{"", 1, "nobody calls"},
		{"# only a title\n", 2, "nobody calls"},
		{"x 1001 calls 1002\n", 1, `"x" is not a time`},
		{"-1 1001 calls 1002\n", 1, "is not a time"},
		{"NaN 1001 calls 1002\n", 1, "is not a time"},
		{"1e9 1001 calls 1002\n", 1, "is not a time"},
		{"0.0\n", 1, "no call"},
		{"0.0 1001 answers\n", 1, "no call"},
		{"0.0 1001 calls\n", 1, "is not a number to call"},
		{"0.0 1001 calls 1001\n", 1, "calls itself"},
		{"0.0 1001 calls 1002 now\n", 1, `"now" is not understood`},
		{"0.0 outside Bob calls 5550101, rings 1001\n", 1, `"Bob" is not the caller's number`},
		{"0.0 outside 2025550143 \"Bob calls 5550101, rings 1001\n", 1, "quotes"},
		{"0.0 outside 2025550143 \"Bob\" rings 5550101\n", 1, `expected "calls"`},
		{"0.0 outside 2025550143 \"Bob\" calls 5550101\n", 1, "does not say where it rings"},
		{"0.0 outside 2025550143 \"Bob\" calls 5550101, rings\n", 1, "is not an extension"},
		{"0.0 outside 2025550143 \"Bob\" calls 5550101, rings 1001, 1001\n", 1, "rings twice"},
		{call + call, 2, "cannot be told apart"},
		{"0.0 a: 1001 calls 1002\n0.0 a: 1003 calls 1004\n", 2, "cannot be told apart"},
		{"0.0 a: 1001 calls 1002\n1.0 1002 answers\n", 2, "several calls"},
		{call + "1.0 1001 dances\n", 2, `"dances" is nothing`},
		{call + "1.0 1002 answers\n", 2, "has no part"},
		{call + "1.0 1001 hangs up\n", 2, "before the call is answered"},
		{call + "1.0 outside answers\n", 2, "is the caller"},
		{call + "1.0 1001 gives up\n", 2, "cannot give up"},
		{call + "1.0 1001 answers\n2.0 1001 answers\n", 3, "not being called any more"},
		{call + "1.0 1001 answers\n2.0 1001 resumes\n", 3, "done that already"},
		{call + "1.0 1001 answers\n2.0 outside hangs up\n3.0 1001 holds\n", 4, "after the call ended"},
		{call + "1.0 1001 rings\n2.0 1001 rings\n", 3, "rings already"},
		{call + "2.0 1001 answers\n1.0 1001 holds\n", 3, "before the line above"},
		{"0.0 outside 2025550143 calls 5550101, rings 1001, 1002\n1.0 1001 does not answer\n", 2, "nobody answers"},
		{call + "expect 1001\n", 2, `"" is not a direction`},
		{call + "expect Alice inbound 1\n", 2, "is not an extension"},
		{call + "expect 1001 inbound 2025550143 happy\n", 2, `"happy" is not a result`},
		{call + "expect 1001 inbound 2025550143 missed ended_by me\n", 2, "somebody who ends"},
		{call + "expect 1001 inbound 2025550143 missed\n", 2, "no timeline"},
		{call + "expect 1001 inbound 2025550143 missed\n ringing 0.0\n", 2, "only one of a result and an end"},
		{call + "expect 1001 inbound 2025550143\n ringing 0.0, ended 1\n", 2, "only one of a result and an end"},
		{call + "expect 1001 inbound 2025550143\n (ringing 0.0\n", 3, "parenthesis"},
		{call + "expect 1001 inbound 2025550143\n ringing 2.0, connected 1.0\n", 3, "back in time"},
		{call + "expect 1001 inbound 2025550143\n ringing 2.0 connected 3.0\n", 3, "comma"},
		{call + "\xff\n", 2, "not valid UTF-8"},
		{call + strings.Repeat("x", 5000), 2, "longer than"},
		{call + strings.Repeat("\n", maxScenarioLines), maxScenarioLines + 1, "more than"},
	}
	for _, test := range tests {
		_, err := ParseScenario("calls.txt", strings.NewReader(test.text))
		pe, ok := errors.AsType[*ParseError](err)
		if !ok || pe.File != "calls.txt" || pe.Line != test.line || !strings.Contains(err.Error(), test.want) || pe.Remedy == "" {
			t.Errorf("%.60q: %v; want line %d, %q", test.text, err, test.line, test.want)
		}
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, os.ErrClosed }

func TestParseReadError(t *testing.T) {
	t.Parallel()
	if _, err := ParseScenario("x", brokenReader{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// FuzzParseScenario checks that no text makes the parser panic, and that the model can play whatever the parser accepts.
func FuzzParseScenario(f *testing.F) {
	for _, name := range scenarioNames(f) {
		b, err := os.ReadFile(filepath.Join(scenarioDir, name+".txt"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add("0.0 a: outside \"\\r\\n\" \"\\xff\" withheld calls \"x\", rings 10, 11\n0.0 a: 10 rings\n0.0 a: nobody answers\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScenario("fuzz", strings.NewReader(text))
		if err != nil {
			if _, ok := errors.AsType[*ParseError](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		playInMemory(t, s)
	})
}

// playInMemory runs all steps at once and checks that an ended call leaves nothing behind.
func playInMemory(t *testing.T, s *Scenario) {
	t.Helper()
	x := newExchange(Options{Seed: 5}, newClock(time.Time{}, 1))
	x.wanted, x.deliver = func(class) bool { return true }, func(class, message) {}
	r := newPlay(x, s, x.at)
	r.schedule()
	x.runTimers(r.start.Add(s.Length))
	r.abandon()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bridges = slices.DeleteFunc(x.bridges, func(b *bridge) bool { return b == x.lot })
	if len(x.channels)+len(x.bridges) > 0 {
		t.Fatalf("%d channels and %d bridges are left", len(x.channels), len(x.bridges))
	}
}
