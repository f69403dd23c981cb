package main

import (
	"testing"

	"github.com/callboard-dev/callboard/api"
)

func TestRingText(t *testing.T) {
	t.Parallel()
	ring := api.Cycle{Apps: []string{"crm", "mail"}, Fields: []string{"party.company", "party.email"}}
	if got, want := ringText(ring), "crm → party.company → mail → party.email → crm"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
