package line

import (
	"slices"
	"testing"
)

// SEC-45: a number is looked for in every form that people and PBXs write it in.
func TestNumberForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed, region string
		want          []string
	}{
		{"+45 12 34 56 78", "US", []string{"+4512345678", "+45012345678", "12345678"}},
		{"12345678", "DK", []string{"+4512345678", "+45012345678", "12345678"}},
		{"(020) 7946-0000", "GB", []string{"+442079460000", "+4402079460000", "2079460000"}},
		{"0020-2345", "DK", []string{"0020-2345"}}, // of no plan
	} {
		if got, err := NumberForms(c.typed, c.region); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s in %s: got %q, %v, want %q", c.typed, c.region, got, err, c.want)
		}
	}
	for _, typed := range []string{"", "1001", "alice", "12345678 or so", "+"} {
		if got, err := NumberForms(typed, "DK"); err == nil {
			t.Errorf("%q: got %q", typed, got)
		}
	}
}
