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

// told encodes what a reader sees of a change. A change that everybody sees alike is encoded once for all; what one
// reader's filter makes of it is not kept.
func (s *Server) told(t board.Told, v view, epoch string) ([]byte, error) {
	switch {
	case t.Sight == board.Added && t.Record != nil:
		c := *t.Change
		c.Kind, c.Rev, c.Opened = recordAdded, t.Record.Rev, t.Record
		return notification(&c, v, epoch, s.options.Board.Durable(), s.actions)
	case t.Sight == board.Removed && t.Change.Kind != board.RecordErased:
		c := *t.Change
		c.Kind, c.Call, c.Item = recordRemoved, nil, nil
		return notification(&c, v, epoch, s.options.Board.Durable(), s.actions)
	case t.Trimmed:
		return notification(t.Change, v, epoch, s.options.Board.Durable(), s.actions)
	}
	return s.frames.of(t.Change, v, epoch)
}

// kindOf is what a reader is told.
func kindOf(t board.Told) string {
	switch {
	case t.Sight == board.Added && t.Record != nil:
		return recordAdded
	case t.Sight == board.Removed && t.Change.Kind != board.RecordErased:
		return recordRemoved
	}
	return t.Change.Kind
}

// What a change is to a reader whose filter its record enters or leaves.
const (
	recordAdded   = "record.added"
	recordRemoved = "record.removed"
)
