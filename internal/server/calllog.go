package server

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds of what is looked for in the log; the contract has them too.
const (
	maxAsked   = 256
	logEntries = 50 // unless a limit is given
	maxEntries = 200
)

// ListCalls implements ServerInterface.
func (s *Server) ListCalls(w http.ResponseWriter, r *http.Request, params api.ListCallsParams) {
	sees := viewOf("", callerOf(r)).sight()
	q, err := s.logQuery(params, sees)
	if err != nil {
		s.fail(w, err)
		return
	}
	done, err := callerOf(r).look(r.Context())
	if err != nil {
		w.Header().Set("Retry-After", "1")
		s.fail(w, err)
		return
	}
	defer done()
	page, err := s.options.Store.Log(r.Context(), q)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := api.CallLog{Entries: make([]api.LogEntry, 0, len(page.Entries))}
	for i := range page.Entries {
		out.Entries = append(out.Entries, wireLogEntry(&page.Entries[i], sees))
	}
	if page.Next > 0 {
		out.Next = strconv.FormatInt(page.Next, 36)
	}
	s.reply(w, http.StatusOK, out)
}

func (s *Server) logQuery(p api.ListCallsParams, sees sight) (board.LogQuery, error) {
	q := board.LogQuery{
		View: board.LogView(p.View), Line: p.Line, Result: telephony.Result(p.Result), Text: p.Q, Person: p.Person, Company: p.Company, Tag: p.Tag,
		From: p.From, To: p.To, Limit: cmp.Or(p.Limit, logEntries),
	}
	err := cmp.Or(checkEnum("view", p.View), checkEnum("result", p.Result), checkLength("the line", p.Line, maxFieldName), checkLength("the number", p.Number, maxNumber),
		checkLength("q", p.Q, maxAsked), checkLength("the person", p.Person, maxAsked), checkLength("the company", p.Company, maxAsked), checkLength("the tag", p.Tag, maxAsked))
	if err == nil && (p.Limit < 0 || p.Limit > maxEntries) {
		err = &telephony.Error{Code: telephony.CodeInvalid, Message: "limit: " + strconv.Itoa(p.Limit), Remedy: "ask for 1 to " + strconv.Itoa(maxEntries) + " at once"}
	}
	if err == nil && p.Cursor != "" {
		if q.Before, err = strconv.ParseInt(p.Cursor, 36, 64); err != nil || q.Before <= 0 {
			err = &telephony.Error{Code: telephony.CodeInvalid, Message: "the cursor is none", Remedy: "send the `next` of a page as it is, or nothing for the newest"}
		}
	}
	if err == nil {
		err = s.asNumber(&q, p.Number)
	}
	if err == nil {
		err = mayLookFor(&q, p.Number, sees)
	}
	return q, err
}

// asNumber looks for a number as each of the lines reads it; for what is none, such as a part of one, by its digits.
func (s *Server) asNumber(q *board.LogQuery, typed string) error {
	if typed == "" {
		return nil
	}
	var problem error
	for _, line := range s.options.Lines {
		found, err := line.Lookup(board.Sought{Number: typed})
		problem = cmp.Or(problem, err)
		for _, c := range found.Claims {
			if c.Field == "party.number" {
				q.Numbers = append(q.Numbers, c.Value)
			}
		}
	}
	if len(q.Numbers) > 0 {
		return nil
	}
	for _, r := range typed {
		if r >= '0' && r <= '9' {
			q.Digits = typed
			return nil
		}
	}
	return problem
}

// mayLookFor sees to it that nobody learns by a filter what they may not read (SEC-22). A filter by one field is refused; words are
// looked for in what may be read.
func mayLookFor(q *board.LogQuery, number string, sees sight) error {
	for _, kind := range []board.LogWords{board.LogName, board.LogCompany, board.LogNumber, board.LogEmail, board.LogTags, board.LogNotes} {
		if sees.sees(string(kind)) {
			q.Within = append(q.Within, kind)
		}
	}
	for _, filter := range []struct {
		name, value string
		by          board.LogWords
	}{{"number", number, board.LogNumber}, {"person", q.Person, board.LogName}, {"company", q.Company, board.LogCompany}, {"tag", q.Tag, board.LogTags}} {
		if filter.value != "" && !sees.sees(string(filter.by)) {
			return &telephony.Error{Code: telephony.CodeForbidden, Message: "this app may not read " + string(filter.by) + ", so it cannot look by " + filter.name,
				Remedy: "let it read that: `callboard app set --read`; or leave the filter out"}
		}
	}
	if q.Text != "" && len(q.Within) == 0 {
		return &telephony.Error{Code: telephony.CodeForbidden, Message: "this app may read nothing that words are looked for in", Remedy: "let it read some of that: `callboard app set --read`; or leave q out"}
	}
	return nil
}

func wireLogEntry(e *board.LogEntry, sees sight) api.LogEntry {
	out := api.LogEntry{
		Record: e.Record, Line: e.Line, View: api.LogView(e.View), Direction: api.Direction(e.Direction), Result: api.Result(e.Result),
		StartedAt: e.StartedAt, AnsweredAt: e.AnsweredAt, EndedAt: e.EndedAt, DurationMs: e.Duration().Milliseconds(), Extension: e.Extension,
		Number: e.Number, NumberRaw: e.NumberRaw, Name: e.Name, Company: e.Company, Email: e.Email, Website: e.Website, IP: e.IP, Tags: e.Tags, Notes: e.Notes,
		Complete: e.Complete, Unseen: e.Unseen, ErasedAt: e.ErasedAt,
	}
	for name, text := range map[string]*string{"user.extension": &out.Extension, "party.number": &out.Number, "party.number_raw": &out.NumberRaw, "party.name": &out.Name,
		"party.company": &out.Company, "party.email": &out.Email, "party.website": &out.Website, "party.ip": &out.IP, "party.tags": &out.Tags} {
		sees.hide(name, text)
	}
	if !sees.sees("notes") {
		out.Notes = 0
	}
	if l := e.Later; l != nil && sees.sees("party.name") && sees.sees("party.number") { // that two records are of one number says as much as the number
		out.Later = api.LaterKnown{Name: l.Name, Company: l.Company, Record: l.Record, At: l.At}
		sees.hide("party.company", &out.Later.Company)
	}
	return out
}
