package lab_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/lab"
)

// The tables of numbers and accounts, the dialplan and the page in docs say the same.
func TestNumbersAreTrue(t *testing.T) {
	t.Parallel()
	l := lab.StartT(t)
	ctx := within(t, 20*time.Second)
	page, err := os.ReadFile("../docs/lab.md")
	do(t, err)
	for _, n := range lab.Numbers {
		got, err := l.CLI(ctx, "dialplan show "+n.Number+"@"+n.From)
		do(t, err)
		if !strings.Contains(got, "1. ") {
			t.Errorf("%s in %s: %s", n.Number, n.From, got)
		}
		if !strings.Contains(string(page), "`"+n.Number+"`") {
			t.Errorf("docs/lab.md lacks %s", n.Number)
		}
	}
	features, err := l.CLI(ctx, "features show")
	do(t, err)
	for _, n := range lab.Codes {
		if !strings.Contains(features, n.Number) || !strings.Contains(string(page), "`"+n.Number+"`") {
			t.Errorf("%s is not in docs/lab.md or not in:\n%s", n.Number, features)
		}
	}
	for _, a := range lab.Accounts {
		got, err := l.CLI(ctx, "manager show user "+a.Name)
		do(t, err)
		if !strings.Contains(got, "username: "+a.Name) || !strings.Contains(string(page), a.Name+"` / `"+a.Secret) {
			t.Errorf("account %s is not in docs/lab.md or not as it should be: %s", a.Name, got)
		}
	}
}
