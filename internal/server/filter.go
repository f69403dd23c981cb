package server

import (
	"cmp"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// asked is what a reader asks for: which records, what of them, and how it is written (D-3).
type asked struct {
	lines      []string
	states     []api.RecordState
	callStates []api.CallState
	types      []string
	fields     []string
	include    string
}

// filter is the board's word for it.
func (a asked) filter() (board.Filter, error) {
	err := cmp.Or(checkCount("lines", len(a.lines), maxPatterns), checkCount("types", len(a.types), maxPatterns), checkCount("fields", len(a.fields), maxPatterns))
	f := board.Filter{Lines: a.lines, Kinds: a.types, Fields: a.fields, Claims: a.include == "claims"}
	for _, names := range [][]string{a.lines, a.types, a.fields} {
		for _, name := range names {
			err = cmp.Or(err, checkLength("a name", name, maxFieldName))
		}
	}
	for _, state := range a.states {
		err = cmp.Or(err, checkEnum("states", state))
		f.States = append(f.States, board.State(state))
	}
	for _, state := range a.callStates {
		err = cmp.Or(err, checkEnum("call_states", state))
		f.Calls = append(f.Calls, telephony.State(state))
	}
	return f, err
}
