package line_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/telephony"
)

func found(f board.Found) string {
	var out []string
	for _, c := range f.Claims {
		out = append(out, strings.TrimPrefix(c.Field, "party.")+"="+c.Value)
	}
	for _, i := range f.Items {
		out = append(out, "["+i.List+" "+i.Title+": "+strings.ReplaceAll(i.Text, "\n", " | ")+"]")
	}
	return strings.Join(out, " ")
}

const card3 = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Smith;Ann;;Dr.;\r\nFN:Ann Smith\r\nORG:Acme;Sales\r\nTITLE:Buyer\r\nTEL;TYPE=WORK,VOICE:+45 12 34 56 78\r\nTEL;TYPE=CELL,PREF:+45 87 65 43 21\r\n" +
	"EMAIL:Ann@Example.com\r\nEMAIL;TYPE=HOME:ann@home.example\r\nURL:https://Acme.example/\r\nADR:;;Main St 1;Aarhus;;8000;Denmark\r\nNOTE:Met at the\r\n  fair\r\nEND:VCARD\r\n"

// TestLookup reads what people type, each in the form in which it is compared (B-22).
func TestLookup(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   board.Sought
		want string
	}{
		{board.Sought{Number: "32 12 34 56"}, "number=+4532123456 number_raw=32 12 34 56"},
		{board.Sought{Name: " Zoë  Ørsted ", Company: "3M"}, "name=Zoë  Ørsted company=3M"},
		{board.Sought{Email: "mailto:Ann@Example.com"}, "email=ann@example.com"},
		{board.Sought{Website: "Example.com:443/A/"}, "website=https://example.com/A"},
		{board.Sought{IP: "[2001:DB8::0007]"}, "ip=2001:db8::7"},
		{board.Sought{VCard: card3}, "number=+4587654321 number_raw=+45 87 65 43 21 name=Ann Smith email=ann@example.com website=https://acme.example company=Acme job_title=Buyer address=Main St 1, 8000 Aarhus, Denmark " +
			"[cards Ann Smith: Number (work, voice): +45 12 34 56 78 | E-mail (home): ann@home.example | Note: Met at the fair]"},
		{board.Sought{VCard: "\n begin:vcard\nVERSION:4.0\nFN:Bo\nTEL;VALUE=uri:tel:+4512345678\nend:vcard"[1:], Name: "Bo B"}, "number=+4512345678 number_raw=+4512345678 name=Bo B"},
	} {
		got, err := line.Lookup(c.in, "DK")
		if err != nil || found(got) != c.want {
			t.Errorf("%+v:\n got %s (%v)\nwant %s", c.in, found(got), err, c.want)
		}
	}
}

// TestLookupRefused: what cannot be read is named, with a remedy, and nothing of it is taken (B-22).
func TestLookupRefused(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("BEGIN:VCARD\nVERSION:4.0\nFN:A\nEND:VCARD\n", 1000)
	photo := "BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nPHOTO;ENCODING=b:" + strings.Repeat("A\n ", 1<<20) + "\nEND:VCARD"
	for _, c := range []struct {
		in   board.Sought
		want string
		code telephony.Code
	}{
		{board.Sought{}, "nothing to look up", telephony.CodeInvalid},
		{board.Sought{Number: "12ab"}, "is not a phone number", telephony.CodeInvalid},
		{board.Sought{Number: "+45 12 34 56 78", Name: "\u0301\u0308\u200d"}, "is no name", telephony.CodeInvalid},
		{board.Sought{Email: "ann"}, "is no e-mail address", telephony.CodeInvalid},
		{board.Sought{Website: "javascript:alert(1)"}, "is no web address", telephony.CodeInvalid},
		{board.Sought{IP: "1.2.3.4.5"}, "is no IP address", telephony.CodeInvalid},
		{board.Sought{VCard: "hello"}, "BEGIN:VCARD", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nFN:Ann"}, "END:VCARD", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nno colon\nEND:VCARD"}, "nothing to look up", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:2.1\nFN:Ann\nEND:VCARD"}, "2.1", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nFN:\u0301\u0301\nTEL:+4512345678\nEND:VCARD"}, "is no name", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nNOTE:" + strings.Repeat("x", 2<<20) + "\nEND:VCARD"}, "64 KiB", telephony.CodeTooLarge},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nNOTE:" + strings.Repeat("x", 40<<10) + "\nEND:VCARD"}, "shorten", telephony.CodeTooLarge},
		{board.Sought{VCard: photo}, "photograph", telephony.CodeTooLarge},
		{board.Sought{VCard: many}, "1000 cards", telephony.CodeTooLarge},
		{board.Sought{VCard: strings.Repeat(many, 100)}, "64 KiB", telephony.CodeTooLarge},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nTEL:none\nEND:VCARD"}, "nothing to look up", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nFN:\u0301\u0308\nEND:VCARD"}, "is no name", telephony.CodeInvalid},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\nFN:Ann\nEND:VCARD\nBEGIN:VCARD"}, "2 cards", telephony.CodeTooLarge},
		{board.Sought{VCard: "BEGIN:VCARD\nVERSION:4.0\n\xff\xfe\x00FN\nEND:VCARD"}, "", telephony.CodeInvalid},
	} {
		got, err := line.Lookup(c.in, "DK")
		known, ok := errors.AsType[*telephony.Error](err)
		if !ok || known.Code != c.code || known.Remedy == "" || !strings.Contains(known.Message+" "+known.Remedy, c.want) || len(got.Claims)+len(got.Items) > 0 {
			t.Errorf("%.80s: got %s, %v; want %s %q", fmt.Sprintf("%+v", c.in), found(got), err, c.code, c.want)
		}
	}
}

// FuzzCard: whatever is pasted, it is read or refused with a remedy.
func FuzzCard(f *testing.F) {
	f.Add(card3)
	f.Add("BEGIN:VCARD\nVERSION:4.0\nN\nTEL:;;\nADR:\nEND:VCARD")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := line.Lookup(board.Sought{VCard: text}, "DK")
		if known, ok := errors.AsType[*telephony.Error](err); err != nil && (!ok || known.Remedy == "") {
			t.Errorf("%v", err)
		}
		if err == nil && len(got.Claims) == 0 {
			t.Error("nothing was found, and nothing said")
		}
	})
}
