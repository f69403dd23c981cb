package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/v1"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// How many earlier records of a number are read, and of how many all that was known.
const (
	mostEarlier  = 50
	mostRecalled = 10
)

// earlierInSQLite is prepared once: each record that opens asks it, and to read it takes longer than to carry it out.
var earlierInSQLite = fmt.Sprintf(`SELECT id, line, opened_at, json_extract(body, '$.call.direction', '$.call.result', '$.call.started_at',
		'$.call.answered_at', '$.call.ended_at', '$.call.views[0].answered_by', '$.call.picked_up_by', '$.call.transferred_to', '$.call.forwarded_to',
		'$.fields."party.name".claims[0].value'),
		CASE WHEN row_number() OVER (ORDER BY opened_at DESC, id DESC) <= %d THEN body -> '$.fields' END
	FROM (SELECT id, line, opened_at, body FROM records WHERE number = ? AND id <> ? ORDER BY opened_at DESC LIMIT %d) ORDER BY opened_at DESC, id DESC`,
	mostRecalled, mostEarlier)

// Earlier reads the records of a number but one, of all lines, the newest first. The database takes out of each body what is asked
// for: to decode them all would take some milliseconds for somebody who calls often. What is erased has no number, so it is not found.
func (s *Store) Earlier(ctx context.Context, number, but string) ([]board.Earlier, error) {
	s.settle(ctx)
	rows, err := s.earlier.QueryContext(ctx, number, but)
	if err != nil {
		return nil, fmt.Errorf("read earlier records: %w", err)
	}
	defer rows.Close()
	var out []board.Earlier
	for rows.Next() {
		var e board.Earlier
		var opened int64
		var facts string
		var fields sql.NullString
		if err := rows.Scan(&e.Record, &e.Line, &opened, &facts, &fields); err != nil {
			return nil, fmt.Errorf("read earlier records: %w", err)
		}
		e.OpenedAt = time.UnixMilli(opened)
		if err := recall(&e, facts, fields.String); err != nil {
			return nil, fmt.Errorf("read the earlier record %s: %w", e.Record, err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func recall(e *board.Earlier, facts, fields string) error {
	var f [10]*string
	if err := json.Unmarshal([]byte(facts), &f); err != nil {
		return err
	}
	text := func(i int) string {
		if f[i] == nil {
			return ""
		}
		return *f[i]
	}
	at := func(i int) time.Time {
		t, err := time.Parse(time.RFC3339Nano, text(i))
		if err != nil {
			return time.Time{}
		}
		return t
	}
	e.Name = text(9)
	if f[0] != nil {
		e.Call = &board.EarlierCall{Direction: telephony.Direction(text(0)), Result: telephony.Result(text(1)), StartedAt: at(2), AnsweredAt: at(3), EndedAt: at(4)}
		switch e.Call.Result {
		case telephony.AnsweredElsewhere, telephony.Forwarded:
			for _, i := range []int{5, 6, 7, 8} {
				if e.Call.AnsweredBy == "" {
					e.Call.AnsweredBy = text(i)
				}
			}
		}
	}
	if fields == "" {
		return nil
	}
	return json.Unmarshal([]byte(fields), &e.Fields)
}
