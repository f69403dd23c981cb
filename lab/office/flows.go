package office

import (
	"slices"
	"strings"
)

// Flows are all that is played, by subject.
var Flows = slices.Concat(transfers, parking, pickup, conference, queues, forwards, voicemail,
	clickToDial, recording, monitoring, simple, several, callers, faults)

// Find returns the flow with a name; its number is enough, or the name without it.
func Find(name string) (Flow, bool) {
	for _, f := range Flows {
		if number, rest, _ := strings.Cut(f.Name, "-"); f.Name == name || number == name || rest == name {
			return f, true
		}
	}
	return Flow{}, false
}

// answered is the beginning of many flows: somebody calls a desk from outside, and they talk.
func (o *Office) answered(who Person, did, desk string) (caller, called *Call) {
	caller = o.calls(who, did)
	called = o.rings(desk, caller)
	o.ring()
	called.answers()
	return caller, called
}
