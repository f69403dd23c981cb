package board

import (
	"fmt"
	"slices"
	"strings"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Grant is what the person let an app do when they approved it. Patterns are names of fields and lists; a trailing * stands
// for any rest. The zero Grant is for one of which nothing was said.
type Grant struct {
	MaxQuality Quality  // what its claims count as at most (B-3); empty: verified
	AfterCall  bool     // it may write when the record is closed (B-19)
	Claim      []string // what it may write (B-2); nil: all that is open
	Read       []string // what it may see besides its own fields (SEC-22); nil: all but what other apps keep to themselves
}

func (g *Grant) mayWrite(name string) bool { return g.Claim == nil || matches(g.Claim, name) }

// Reads are the patterns of what an app sees: those that it was granted, and its own fields.
func (g *Grant) Reads(app string) []string {
	reads := []string{"x." + app + ".*"}
	if g.Read == nil {
		reads = append(reads, "*")
	}
	reads = append(reads, g.Read...)
	slices.Sort(reads)
	return slices.Compact(reads)
}

// Sees reports whether a reader with these patterns sees a field or list. An app's own fields are for itself: others see
// those under x.<app>.shared., and those that a pattern names which itself begins with x.
func Sees(reads []string, name string) bool {
	if !strings.HasPrefix(name, "x.") || shared(name) {
		return matches(reads, name)
	}
	return slices.ContainsFunc(reads, func(p string) bool { return strings.HasPrefix(p, "x.") && matches([]string{p}, name) })
}

func shared(name string) bool {
	words := strings.SplitN(name, ".", 4)
	return len(words) == 4 && words[2] == "shared"
}

// Approve says what an app may do from now on.
func (b *Board) Approve(app string, g Grant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.crew.grants[app] = g
	if en := b.crew.enrichers[app]; en != nil {
		en.Registration.reads = g.Reads(app)
	}
}

// MayClaim says why an app may not write a field or list.
func (b *Board) MayClaim(source, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mayClaim(source, name)
}

func (b *Board) mayClaim(source, name string) error {
	g := b.crew.grants[source]
	if !isApp(source) || g.mayWrite(name) {
		return nil
	}
	may := "nothing"
	if len(g.Claim) > 0 {
		may = strings.Join(g.Claim, ", ")
	}
	return &telephony.Error{Code: telephony.CodeForbidden, Message: fmt.Sprintf("%s may not write %s: it may write %s", source, name, may),
		Remedy: fmt.Sprintf("the user can let it: `callboard app set %s --claim '%s'`", source, strings.Join(append(slices.Clone(g.Claim), name), ","))}
}
