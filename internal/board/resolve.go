package board

import (
	"cmp"
	"slices"
)

// resolver orders claims (B-3). It is a pure function of the claims: no time in the order, so clocks cannot flip a value.
type resolver struct {
	authority map[string][]string              // field -> sources, strongest first
	order     []string                         // sources, strongest first
	normal    func(field, value string) string // equal values read equal
}

// resolve returns the field with the shown claim first, or nil if nobody claims anything.
func (r resolver) resolve(field string, claims []Claim) *Field {
	if len(claims) == 0 {
		return nil
	}
	agree := map[string]int{}
	for _, c := range claims {
		agree[r.normal(field, c.Value)]++
	}
	sorted := slices.Clone(claims)
	slices.SortFunc(sorted, func(a, b Claim) int {
		return cmp.Or(
			-cmp.Compare(last(field, a), last(field, b)),
			cmp.Compare(place(r.authority[field], a.Source), place(r.authority[field], b.Source)),
			-cmp.Compare(ranks[a.Quality], ranks[b.Quality]),
			-cmp.Compare(agree[r.normal(field, a.Value)], agree[r.normal(field, b.Value)]),
			cmp.Compare(place(r.order, a.Source), place(r.order, b.Source)),
			cmp.Compare(a.Source, b.Source),
		)
	})
	return &Field{Claims: sorted, Others: len(agree) - 1}
}

// last says whose word is final: the PBX's on what only it can know (B-2), else the user's own.
func last(field string, c Claim) int {
	switch {
	case c.Source == SourcePBX && authoritative(field):
		return 2
	case c.Source == SourceUser:
		return 1
	}
	return 0
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
	return x.Value == y.Value && x.Source == y.Source && x.Quality == y.Quality && a.Others == b.Others
}

// sameValue reports whether the value that is shown is the same, whoever says it.
func sameValue(a, b *Field) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Shown().Value == b.Shown().Value
}
