package board

import (
	"maps"
	"slices"
	"strings"
)

// Cycle is a ring of apps, each of which may set off the next: Apps[i] gives Fields[i], which the one after it works from.
type Cycle struct {
	Apps   []string
	Fields []string
}

// String reads crm → party.company → mail → party.email → crm.
func (c Cycle) String() string {
	var parts []string
	for i, app := range c.Apps {
		parts = append(parts, app, c.Fields[i])
	}
	return strings.Join(append(parts, c.Apps[0]), " → ")
}

// Cycles finds the rings between apps by what they say that they need and give: a warning for whoever approves one (B-15).
// Of the rings through an app the shortest is told. An app does not set itself off (B-13).
func Cycles(apps map[string]Registration) []Cycle {
	ids := slices.Sorted(maps.Keys(apps))
	var found []Cycle
	told := map[string]bool{}
	for _, app := range ids {
		cycle, any := shortestCycle(apps, ids, app)
		members := slices.Clone(cycle.Apps)
		slices.Sort(members)
		if key := strings.Join(members, "\x00"); any && !told[key] {
			told[key] = true
			found = append(found, cycle)
		}
	}
	return found
}

// shortestCycle goes out from an app, breadth first, until it comes back.
func shortestCycle(apps map[string]Registration, ids []string, start string) (Cycle, bool) {
	type step struct{ app, field string } // who is set off, by what
	from := map[string]step{}             // app -> who sets it off first, and by what
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		giver := queue[0]
		for _, taker := range ids {
			field, sets := setsOff(apps[giver], apps[taker])
			_, seen := from[taker]
			if giver == taker || !sets || seen {
				continue
			}
			from[taker] = step{giver, field}
			queue = append(queue, taker)
		}
		if _, back := from[start]; back {
			break
		}
	}
	if _, back := from[start]; !back {
		return Cycle{}, false
	}
	var c Cycle
	for app := start; ; {
		s := from[app]
		c.Apps, c.Fields = append(c.Apps, s.app), append(c.Fields, s.field)
		if app = s.app; app == start {
			break
		}
	}
	slices.Reverse(c.Apps)
	slices.Reverse(c.Fields)
	return c, true
}

// setsOff names a field that one app gives and another works from.
func setsOff(giver, taker Registration) (string, bool) {
	for _, gives := range giver.Gives {
		if slices.Contains(taker.On, Changed) {
			return gives, true
		}
		for _, needs := range taker.Needs {
			if overlap(gives, needs) {
				return gives, true
			}
		}
	}
	return "", false
}

// overlap reports whether some name is meant by both.
func overlap(a, b string) bool {
	headA, openA := strings.CutSuffix(a, "*")
	headB, openB := strings.CutSuffix(b, "*")
	return a == b || openA && strings.HasPrefix(headB, headA) || openB && strings.HasPrefix(headA, headB)
}
