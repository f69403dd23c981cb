// Package export writes what the store has in forms that other programs read, and reads back the one that is complete.
//
//   - JSONL has all of every record, a record a line, and is what Reader reads: a store that was filled from it exports the same bytes.
//   - CSV has the call log, a call a line, for spreadsheets.
//   - VCard has the people behind the numbers, a card per number.
//
// Nothing is ever held whole: Write reads some records, writes them and goes on. A record is as it is when its turn comes. Write blocks
// on the source and on where it writes to.
package export

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-vcard"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Format is a form in which things are written.
type Format string

const (
	JSONL Format = "jsonl"
	CSV   Format = "csv"
	VCard Format = "vcard"
)

// Source is where it is read from.
type Source interface {
	// RecordsAfter reads some records in the order of their ids.
	RecordsAfter(ctx context.Context, id string, limit int) ([]*board.Record, error)
	// Log reads a page of the call log.
	Log(ctx context.Context, q board.LogQuery) (board.LogPage, error)
	// NumbersAfter reads some of the other parties' numbers, in order, each once.
	NumbersAfter(ctx context.Context, number string, limit int) ([]string, error)
	// OfNumber reads the newest records of a number, the newest first.
	OfNumber(ctx context.Context, number string, limit int) ([]*board.Record, error)
}

const (
	atOnce  = 100 // records, or entries of the log
	perCard = 10  // records of a number that a card is made of
)

// Write writes all that a source has in a format.
func Write(ctx context.Context, w io.Writer, f Format, from Source) error {
	out := bufio.NewWriterSize(w, 64<<10)
	write, known := map[Format]func(context.Context, *bufio.Writer, Source) error{JSONL: writeRecords, CSV: writeLog, VCard: writeCards}[f]
	if !known {
		return &telephony.Error{Code: telephony.CodeInvalid, Message: fmt.Sprintf("%q is no format of an export", telephony.Display(string(f))), Remedy: "use jsonl, csv or vcard"}
	}
	if err := write(ctx, out, from); err != nil {
		return err
	}
	return out.Flush()
}

// version of the lines. A program that reads them refuses one that it does not know.
const version = 1

// line is one of JSONL; one of the three is there.
type line struct {
	Export int           `json:"callboard_export,omitempty"` // the first: the version
	Record *board.Record `json:"record,omitempty"`
	End    *end          `json:"end,omitempty"` // the last: so a file that was cut off is known
}

type end struct {
	Records int `json:"records"`
}

func writeRecords(ctx context.Context, w *bufio.Writer, from Source) error {
	out := json.NewEncoder(w)
	if err := out.Encode(line{Export: version}); err != nil {
		return err
	}
	written := 0
	for last := ""; ; {
		some, err := from.RecordsAfter(ctx, last, atOnce)
		if err != nil {
			return err
		}
		for _, r := range some {
			if err := out.Encode(line{Record: r}); err != nil {
				return err
			}
			last = r.ID
		}
		written += len(some)
		if len(some) < atOnce {
			return out.Encode(line{End: &end{Records: written}})
		}
	}
}

var columns = []string{"started_at", "line", "list", "direction", "result", "number", "number_as_received", "name", "company", "email", "tags", "extension", "answered_at", "ended_at",
	"spoke_s", "notes", "record", "unseen", "erased_at", "website", "ip"}

func writeLog(ctx context.Context, w *bufio.Writer, from Source) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180
	if err := out.Write(columns); err != nil {
		return err
	}
	for q := (board.LogQuery{Limit: atOnce}); ; {
		page, err := from.Log(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			if err := out.Write(row(&page.Entries[i])); err != nil {
				return err
			}
		}
		out.Flush()
		if q.Before = page.Next; q.Before == 0 || out.Error() != nil {
			return out.Error()
		}
	}
}

func row(e *board.LogEntry) []string {
	cells := []string{when(e.StartedAt), e.Line, string(e.View), string(e.Direction), string(e.Result), e.Number, e.NumberRaw, e.Name, e.Company, e.Email, e.Tags, e.Extension,
		when(e.AnsweredAt), when(e.EndedAt), "", strconv.Itoa(e.Notes), e.Record, "", when(e.ErasedAt), e.Website, e.IP}
	switch {
	case e.Unseen:
		cells[17] = "all"
	case !e.Complete:
		cells[17] = "part"
	}
	if spoke := e.Duration(); spoke > 0 {
		cells[14] = strconv.FormatInt(int64(spoke.Round(time.Second)/time.Second), 10)
	}
	for i, text := range cells {
		cells[i] = defused(text)
	}
	return cells
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// formula is what a spreadsheet may take for the beginning of one: also behind a semicolon, which parts cells where commas are decimal, and in
// full width, which some take for the same.
var formula = regexp.MustCompile(`(^|[;\t\r\n])([ \t]*)([=+\-@＝＋－＠])`)

// defused keeps a spreadsheet from taking what a caller has said for a formula (SEC-34): OWASP's rule, an apostrophe before =, +, -, @ at the
// beginning, and before a tab or a carriage return there. Numbers with a country code have it, too.
func defused(text string) string {
	text = formula.ReplaceAllString(text, "$1$2'$3")
	if text != "" && strings.ContainsRune("\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

func writeCards(ctx context.Context, w *bufio.Writer, from Source) error {
	out := vcard.NewEncoder(w)
	for last := ""; ; {
		some, err := from.NumbersAfter(ctx, last, atOnce)
		if err != nil {
			return err
		}
		for _, number := range some {
			last = number
			records, err := from.OfNumber(ctx, number, perCard)
			if err != nil {
				return err
			}
			if card := cardOf(number, records); card != nil {
				if err := out.Encode(card); err != nil {
					return err
				}
			}
		}
		if len(some) < atOnce {
			return nil
		}
	}
}

// cardOf is what was known last of who is behind a number; nil if that is nobody by name, company or e-mail address.
func cardOf(number string, records []*board.Record) vcard.Card {
	newest := func(field string) string {
		for _, r := range records {
			if value := telephony.Display(r.Value(field)); value != "" {
				return strings.ReplaceAll(value, ";", ",") // which parts a value in two
			}
		}
		return ""
	}
	name, company, email := newest("party.name"), newest("party.company"), newest("party.email")
	if name == "" && company == "" && email == "" {
		return nil
	}
	card := vcard.Card{}
	card.SetValue(vcard.FieldVersion, "4.0")
	card.SetValue(vcard.FieldUID, "callboard:"+number) // the same in each export: who reads it twice has it once
	card.SetValue(vcard.FieldTelephone, number)
	if name == "" {
		card.SetKind(vcard.KindOrganization)
		if company == "" {
			card.SetKind(vcard.KindIndividual)
		}
	}
	for _, n := range []string{name, company, email} {
		if n != "" {
			card.SetValue(vcard.FieldFormattedName, n) // the one property that a card must have (RFC 6350, 6.2.1)
			break
		}
	}
	for field, value := range map[string]string{vcard.FieldOrganization: company, vcard.FieldEmail: email, vcard.FieldTitle: newest("party.job_title"), vcard.FieldURL: newest("party.website")} {
		if value != "" {
			card.SetValue(field, value)
		}
	}
	if address := newest("party.address"); address != "" {
		card.SetAddress(&vcard.Address{StreetAddress: address})
	}
	return card
}
