package demopbx

import (
	"bufio"
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Bob":                       "Bob",
		`\"The \\ Boss\"`:           `\\\"The \\\\ Boss\\\"`, // as recorded, with SIP's own backslashes
		"a\r\nb\tc\a\b\f\v'?":       `a\r\nb\tc\a\b\f\v\'\?`,
		"Åse 💥":                     "Åse 💥",
		"<script>alert(1)</script>": "<script>alert(1)</script>",
	} {
		if got := escapeC(in); got != want {
			t.Errorf("escapeC(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNamesAreCut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int{
		strings.Repeat("a", 100): 79,
		strings.Repeat("a", 79):  79,
		strings.Repeat("å", 50):  78,
		strings.Repeat("💥", 20):  76,
	} {
		if got := cutName(in); len(got) != want || !strings.HasPrefix(in, got) {
			t.Errorf("cutName(%q) has %d bytes, want %d", in, len(got), want)
		}
	}
}

// TestHostileCaller: names are escaped everywhere but in Status' EffectiveConnectedLineName; numbers never are.
func TestHostileCaller(t *testing.T) {
	t.Parallel()
	p := startPBX(t, nil)
	events := record(t, p, loadScenario(t, "hostile-caller-name-line-break"), loadScenario(t, "hostile-caller-name"))
	names := map[string]bool{}
	for _, m := range events {
		if strings.HasPrefix(m.get("Channel"), "PJSIP/trunk") {
			names[m.get("CallerIDName")] = true
		}
	}
	for _, want := range []string{`Eve\r\nCause: 16\r\n\r\nEvent: Hangup\r\nChannel: x`,
		`O\'Brien \"the \\ Boss\" <script>alert(1)</script>\? Åse 李 💥`} {
		if !names[want] || len(names) != 2 {
			t.Errorf("names are %v, want %q", names, want)
		}
	}
}

func TestMasks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]class{"on": classAll, "all": classAll, "off": 0, "0": 0, "3": 3, "system,call": 3,
		"call, dialplan": classCall | classDialplan, "bogus": 0} {
		if got, ok := maskOf(in); got != want || !ok {
			t.Errorf("maskOf(%q) = %b, %v, want %b", in, got, ok, want)
		}
	}
}

// FuzzRequest checks that no client can make the reader panic or keep more than its bounds.
func FuzzRequest(f *testing.F) {
	f.Add("Action: Ping\r\nActionID: 1\r\n\r\n")
	f.Add("Action: Login\n\n\n")
	f.Add(strings.Repeat("x", 3000) + "\r\n\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		r := bufio.NewReaderSize(strings.NewReader(in), maxRequestLine)
		for {
			req, err := readRequest(r)
			if err != nil {
				return
			}
			if len(req.lines) > maxRequestLines {
				t.Fatalf("%d lines", len(req.lines))
			}
			for _, line := range req.lines {
				if len(line) >= maxRequestLine || strings.Contains(line, "\n") {
					t.Fatalf("line %q", line)
				}
			}
			_ = req.action()
		}
	})
}
