package board

import (
	"cmp"
	"slices"
	"strings"
)

// resolver orders claims (B-3). It is a pure function of the claims and of what the person has decided: no time in the
// order, so clocks cannot flip a value.
type resolver struct {
	authority map[string][]string // field -> sources, strongest first
	patterns  []string            // keys of authority that end in *, the longest first
	order     []string            // sources, strongest first
	normal    func(field, value string) string
	exclusive []string // fields with one owner (B-2)
}

func newResolver(o Options) resolver {
	r := resolver{authority: o.Authority, order: o.Order, normal: o.Normal, exclusive: o.Exclusive}
	for name := range o.Authority {
		if strings.HasSuffix(name, "*") {
			r.patterns = append(r.patterns, name)
		}
	}
	slices.SortFunc(r.patterns, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return r
}

// trusted are the sources that were configured as the authority for a field, the strongest first.
func (r *resolver) trusted(field string) []string {
	if sources, exact := r.authority[field]; exact {
		return sources
	}
	for _, pattern := range r.patterns {
		if strings.HasPrefix(field, pattern[:len(pattern)-1]) {
			return r.authority[pattern]
		}
	}
	return nil
}

// only reports whether nobody but the PBX may claim a field (B-2).
func (r *resolver) only(field string) bool {
	return authoritative(field) && !slices.Contains(r.exclusive, field)
}

// same reports whether two values read equal.
func (r *resolver) same(field, a, b string) bool {
	return a == b || r.normal(field, a) == r.normal(field, b)
}

// ranked is a claim with what decides between it and others.
type ranked struct {
	claim  Claim
	normal string
	last   int // whose word is final
	agree  int
}

// resolve makes a field of claims, the shown one first. It is nil if nobody claims anything and the person has decided
// nothing. claims may be kept and is not written to.
func (r *resolver) resolve(field string, claims []Claim, pin string, hidden []string) *Field {
	switch {
	case len(claims) == 0 && pin == "" && len(hidden) == 0:
		return nil
	case len(claims) == 0:
		return &Field{Pin: pin, Hidden: hidden, Blank: true}
	case len(claims) == 1:
		return &Field{Claims: claims, Pin: pin, Hidden: hidden, Blank: r.final(field, &claims[0], pin, hidden) == isHidden}
	}
	all := make([]ranked, len(claims))
	values, visible := make([]string, 0, len(claims)), 0
	for i, c := range claims {
		all[i] = ranked{claim: c, normal: r.normal(field, c.Value), last: r.final(field, &c, pin, hidden)}
		if all[i].last != isHidden {
			visible++
			if !slices.Contains(values, all[i].normal) {
				values = append(values, all[i].normal)
			}
		}
	}
	for i := range all {
		for k := range all {
			if all[k].last != isHidden && all[k].normal == all[i].normal {
				all[i].agree++
			}
		}
	}
	trusted := r.trusted(field)
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(
			-cmp.Compare(a.last, b.last),
			cmp.Compare(place(trusted, a.claim.Source), place(trusted, b.claim.Source)),
			-cmp.Compare(rank(a.claim.Quality), rank(b.claim.Quality)),
			-cmp.Compare(a.agree, b.agree),
			cmp.Compare(place(r.order, a.claim.Source), place(r.order, b.claim.Source)),
			cmp.Compare(a.claim.Source, b.claim.Source),
		)
	})
	f := &Field{Claims: make([]Claim, len(all)), Others: max(0, len(values)-1), Pin: pin, Hidden: hidden, Blank: visible == 0}
	for i := range all {
		f.Claims[i] = all[i].claim
	}
	return f
}

// Whose word is final, from the weakest to the strongest.
const (
	isHidden = iota
	isOrdinary
	isUsers
	isPinned
	isPBXs
)

// final says whose word is final: the PBX's on what only it can know (B-2), what the person has pinned, else their own.
func (r *resolver) final(field string, c *Claim, pin string, hidden []string) int {
	switch {
	case c.Source == SourcePBX && r.only(field):
		return isPBXs
	case slices.Contains(hidden, c.Source):
		return isHidden
	case c.Source == pin:
		return isPinned
	case c.Source == SourceUser:
		return isUsers
	}
	return isOrdinary
}

func place(order []string, source string) int {
	if at := slices.Index(order, source); at >= 0 {
		return at
	}
	return len(order)
}

// sameShown reports whether people see no difference between two states of a field.
func sameShown(a, b *Field) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := a.Shown(), b.Shown()
	return x.Value == y.Value && x.Source == y.Source && x.Quality == y.Quality && a.Others == b.Others &&
		a.Pin == b.Pin && slices.Equal(a.Hidden, b.Hidden)
}

// sameValue reports whether the value that is shown is the same, whoever says it.
func sameValue(a, b *Field) bool { return shownValue(a) == shownValue(b) }

func shownValue(f *Field) string {
	if f == nil {
		return ""
	}
	return f.Shown().Value
}
