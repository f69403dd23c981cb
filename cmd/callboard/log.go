package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

type logCommand struct {
	Which   which       `embed:""`
	View    api.LogView `arg:"" optional:"" default:"all" enum:"all,missed,received,dialed,lookups" help:"missed, received, dialed, lookups or all."`
	Search  string      `help:"Words of names, companies, notes, e-mail addresses and tags, and numbers however they are written." placeholder:"TEXT"`
	Number  string      `help:"The other party's number, in any usual format." placeholder:"NUMBER"`
	Person  string      `help:"Words of the name." placeholder:"NAME"`
	Company string      `help:"Words of the company's name." placeholder:"NAME"`
	Tag     string      `help:"A tag." placeholder:"TAG"`
	Line    string      `help:"A line's name." placeholder:"NAME"`
	Result  api.Result  `help:"answered, missed, busy, rejected, cancelled, failed, voicemail, answered_elsewhere, forwarded, unknown." placeholder:"RESULT"`
	From    string      `help:"Calls that began then or later: today, yesterday, 2026-11-28, '2026-11-28 14:30'." placeholder:"TIME"`
	To      string      `help:"Calls that began before then." placeholder:"TIME"`
	Limit   int         `help:"How many at most." default:"20"`
	JSON    bool        `help:"Print one JSON object a line, as the API has it."`
}

func (c *logCommand) Run(ctx context.Context) error {
	q := client.LogQuery{View: c.View, Line: c.Line, Result: c.Result, Number: c.Number, Text: c.Search, Person: c.Person, Company: c.Company, Tag: c.Tag}
	var err error
	if q.From, err = moment(c.From, time.Now()); err != nil {
		return err
	}
	if q.To, err = moment(c.To, time.Now()); err != nil {
		return err
	}
	if c.Limit < 1 {
		return fmt.Errorf("--limit %d: it is at least 1", c.Limit)
	}
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	entries, more, err := pages(ctx, board, q, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		for _, e := range entries {
			if err := out.Encode(e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(entries) == 0 {
		fmt.Println("Nothing was found.")
		return nil
	}
	if err := printLog(os.Stdout, entries, time.Local); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(os.Stderr, "There are more: --limit shows them, --search and --from narrow them down.\n")
	}
	return nil
}

// pages reads the log until there are enough, and tells whether there are more.
func pages(ctx context.Context, board *client.Client, q client.LogQuery, limit int) (entries []api.LogEntry, more bool, err error) {
	const most = 200 // that the API gives at once
	for len(entries) < limit {
		q.Limit = min(limit-len(entries), most)
		page, err := board.Log(ctx, q)
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, page.Entries...)
		if q.Cursor, more = page.Next, page.Next != ""; !more {
			break
		}
	}
	return entries, more, nil
}

// printLog prints entries as a table, newest first.
func printLog(out io.Writer, entries []api.LogEntry, zone *time.Location) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHEN\tCALL\tNUMBER\tNAME\tCOMPANY\tLASTED\tNOTES\tRECORD")
	for _, e := range entries {
		lasted, notes := "", ""
		if e.DurationMs > 0 {
			lasted = (time.Duration(e.DurationMs) * time.Millisecond).Round(time.Second).String()
		}
		if e.Notes > 0 {
			notes = fmt.Sprint(e.Notes)
		}
		fmt.Fprintln(table, strings.Join([]string{e.StartedAt.In(zone).Format("2006-01-02 15:04"), kindOf(e), cmp.Or(e.Number, e.NumberRaw), nameOf(e, zone), cmp.Or(e.Company, e.Later.Company), lasted, notes, e.Record}, "\t"))
	}
	return table.Flush()
}

// nameOf is who it was, or who that was found later to be; else what else was looked up than a number; of somebody who was erased, that and when.
func nameOf(e api.LogEntry, zone *time.Location) string {
	switch {
	case e.Name != "":
		return e.Name
	case e.Later.Name != "":
		return e.Later.Name + " (found " + e.Later.At.In(zone).Format(time.DateOnly) + ")"
	case e.View == api.LogViewLookups && cmp.Or(e.Email, e.Website, e.IP) != "":
		return cmp.Or(e.Email, e.Website, e.IP)
	case !e.ErasedAt.IsZero():
		return "(erased " + e.ErasedAt.In(zone).Format(time.DateOnly) + ")"
	}
	return ""
}

// kindOf says in a few words what a call was, and whether it was seen.
func kindOf(e api.LogEntry) string {
	switch {
	case e.Unseen:
		return cameOut(e) + ", not seen live"
	case !e.Complete:
		return cameOut(e) + ", seen in part"
	}
	return cameOut(e)
}

func cameOut(e api.LogEntry) string {
	result := strings.ReplaceAll(string(e.Result), "_", " ")
	switch {
	case e.View == api.LogViewLookups:
		return "lookup"
	case e.Result == "":
		return "now"
	case e.View == "" || e.View == api.LogViewMissed && e.Result == api.ResultMissed:
		return result
	case e.Result == api.ResultAnswered:
		return string(e.View)
	}
	return string(e.View) + ", " + result
}

// moment reads a time as people type it; empty: none.
func moment(text string, now time.Time) (time.Time, error) {
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "":
		return time.Time{}, nil
	case "today":
		return day, nil
	case "yesterday":
		return day.AddDate(0, 0, -1), nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, "2006-01-02T15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: say today, yesterday, 2026-11-28 or '2026-11-28 14:30'", text)
}
