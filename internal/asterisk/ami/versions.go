package ami

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// release is 22.10.1.
type release [3]int

func (r release) before(other release) bool {
	for i := range r {
		if r[i] != other[i] {
			return r[i] < other[i]
		}
	}
	return false
}

func (r release) String() string { return fmt.Sprintf("%d.%d.%d", r[0], r[1], r[2]) }

// hole is a weakness that touches what Callboard does. Branches that are not named and are older than first never got the
// repair.
type hole struct {
	name, what string
	fixed      []release // one for each branch that was repaired
	first      int       // the first branch that had the repair from its beginning
	since      int       // the first branch that has the weakness
}

// Asterisk's advisories, https://github.com/asterisk/asterisk/security/advisories, up to November 2026.
var holes = []hole{
	{"CVE-2024-42365", "an account with write = originate can write files of the PBX and so run programs there", []release{{18, 24, 2}, {20, 9, 2}, {21, 4, 2}}, 22, 0},
	{"CVE-2025-47779", "a text message can bear somebody else's name, or control characters in it", []release{{18, 26, 2}, {20, 14, 1}, {21, 9, 1}, {22, 4, 1}}, 23, 0},
	{"the fix of 22.10.1 and 23.4.1", "an ARI account with read_only can act all the same; this concerns you if ari.conf is enabled", []release{{22, 10, 1}, {23, 4, 1}}, 24, 22},
}

// open reports whether a release has the weakness, and the release that repairs it; zero if only another branch does.
func (h hole) open(r release) (bool, release) {
	if r[0] >= h.first || r[0] < h.since {
		return false, release{}
	}
	for _, fixed := range h.fixed {
		if fixed[0] == r[0] {
			return r.before(fixed), fixed
		}
	}
	return true, release{}
}

// cared are the branches that still get security fixes in November 2026 (docs.asterisk.org, Asterisk Versions).
var cared = map[int]bool{20: true, 22: true, 23: true, 24: true}

// Callboard is made for these.
const oldest, newest = 16, 23

var releaseText = regexp.MustCompile(`^(certified[-/])?(\d+)\.(\d+)(?:\.(\d+))?`)

// version looks at which Asterisk this is.
func (e *examiner) version(_ context.Context, v *visit) error {
	m, err := v.ask("CoreSettings")
	if err != nil {
		return err
	}
	text := m.Text("AsteriskVersion")
	if text == "" { // CoreSettings takes reporting; this function only call, but func_version may not be loaded
		if text, err = v.value("VERSION()"); err != nil {
			return err
		}
	}
	for _, check := range versionChecks(telephony.Display(text)) {
		e.tell(check)
	}
	return nil
}

func versionChecks(text string) []Check {
	if text == "" {
		return []Check{{Name: "version", Status: Skipped, Found: "the account may not ask for the version (write = reporting): whether it has known holes cannot be said"}}
	}
	found := releaseText.FindStringSubmatch(text)
	if found == nil {
		return []Check{{Name: "version", Status: Skipped, Found: "Asterisk " + text + ": whether it has known holes cannot be said"}}
	}
	var r release
	for i := range r {
		r[i], _ = strconv.Atoi(found[i+2]) // digits, or nothing
	}
	check := Check{Name: "version", Status: Fine, Found: "Asterisk " + text}
	switch {
	case r[0] < oldest:
		check.Status, check.Remedy = Problem, fmt.Sprintf("Callboard is made for Asterisk %d to %d: upgrade the PBX", oldest, newest)
	case found[1] != "":
		check.Found += ": a certified release, whose fixes are numbered otherwise; look it up at https://github.com/asterisk/asterisk/security/advisories"
		return []Check{check}
	case !cared[r[0]] && r[0] < newest:
		check.Status, check.Found = Warning, check.Found+": this branch gets no security fixes any more"
		check.Remedy = "upgrade to Asterisk 22, which gets them until 2029"
	case r[0] > newest:
		check.Found += fmt.Sprintf(": newer than what Callboard was tried with (%d to %d)", oldest, newest)
	}
	return append([]Check{check}, holesOf(r)...)
}

func holesOf(r release) []Check {
	var checks []Check
	for _, h := range holes {
		open, fixed := h.open(r)
		if !open {
			continue
		}
		check := Check{Name: "known hole", Status: Warning, Found: h.name + ": " + h.what, Remedy: "upgrade to Asterisk " + fixed.String() + " or later"}
		if fixed == (release{}) {
			check.Remedy = "upgrade to Asterisk 22: the branch " + strconv.Itoa(r[0]) + " was not repaired"
		}
		if strings.Contains(h.what, "write = originate") {
			check.Status = Problem
		}
		checks = append(checks, check)
	}
	return checks
}
