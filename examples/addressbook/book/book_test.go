package book

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPeople(t *testing.T) {
	b, err := open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b.Len() != 4 {
		t.Errorf("%d cards", b.Len())
	}
	mette := Facts{"party.name": "Mette Holm", "party.company": "Holm Marine ApS", "party.job_title": "CEO", "party.email": "mette@holm-marine.example"}
	for number, want := range map[string]Facts{
		"+4512345678":       mette,
		"12 34 56 78":       mette,
		"0045 12-34-56-78":  mette,
		"+12025550143":      {"party.name": "Robert Caller", "party.company": "Caller Logistics Inc", "party.job_title": "Dispatcher", "party.email": "bob@caller-logistics.example"},
		"+442079460018":     {"party.name": "Priya Shah", "party.company": "Shah & Partners Ltd", "party.job_title": "Partner"},
		"tel:+493023125004": {"party.name": "Jonas Weber", "party.company": "Weber Druck GmbH"},
		"+4512345679":       nil,
		"1001":              nil,
		"anonymous":         nil,
		"":                  nil,
	} {
		got, ok := b.Find(number)
		if !maps.Equal(got, want) || ok != (want != nil) {
			t.Errorf("%q is %v, want %v", number, got, want)
		}
	}
}

func TestLoad(t *testing.T) {
	card := func(lines ...string) string {
		return "BEGIN:VCARD\r\nVERSION:3.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
	}
	b, err := Load(strings.NewReader(card("FN:Reception", `ORG:Weber\; Söhne;Print`, "TEL:+49 30 23125000", "TEL:030 23125000")+"\r\n\r\n"+
		card("FN:Night", `ORG:Weber\; Söhne`, "TEL:+49 30 23125000", "TEL:1002", "ADR;TYPE=WORK:;;Hauptstr. 5;Berlin;;10115;Germany")), "DE")
	if err != nil {
		t.Fatal(err)
	}
	// Two cards have the number: nobody's name is guessed.
	if got, ok := b.Find("+493023125000"); !ok || !maps.Equal(got, Facts{"party.company": "Weber; Söhne"}) {
		t.Errorf("a shared number is %v", got)
	}
	for _, test := range []struct{ in, region, want string }{
		{"hello", "DK", ""}, // no card, no harm
		{"BEGIN:VCARD\nTEL:1", "DK", "card 1"},
		{card("FN:A") + "BEGIN:VEVENT\n", "DK", "card 2"},
		{card("FN:A"), "Denmark", "two capital letters"},
	} {
		_, err := Load(strings.NewReader(test.in), test.region)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q gives %v, want %q", test.in, err, test.want)
		}
	}
}

// Whatever a file holds, reading it does not panic, and what is claimed from it is one line of text.
func FuzzLoad(f *testing.F) {
	f.Add(people)
	f.Add([]byte("BEGIN:VCARD\nTEL;TYPE=\"a:+1\nADR:\nORG:\\\nTEL:+1 202 555 0143\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := Load(strings.NewReader(string(in)), "DK")
		if err != nil {
			return
		}
		for n, cards := range b.byNum {
			for _, facts := range cards {
				for field, value := range facts {
					if value == "" || strings.ContainsAny(value, "\r\n\t") {
						t.Errorf("%s of %s is %q", field, n, value)
					}
				}
			}
			b.Find(n)
		}
	})
}

func TestRun(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4512345678"))
	s.Open(clienttest.Call("r2", "+4599999999"))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, Options{URL: s.URL, Token: s.Token}) }()
	if q := s.WaitStream(t, 1); q.Get("needs") != "party.number" || q.Get("on") != "opened" || !strings.Contains(q.Get("gives"), "party.company") {
		t.Errorf("registered as %v", q)
	}
	work := api.Work{Moments: []api.Moment{api.MomentOpened}}
	if a := s.Hand(t, "r1", work); len(a.Claims) != 4 || s.Record("r1").Fields["party.company"].Value != "Holm Marine ApS" {
		t.Errorf("answer %+v", a)
	}
	if a := s.Hand(t, "r2", work); !a.NothingFound || len(a.Claims) != 0 {
		t.Errorf("an unknown number is answered with %+v", a)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run returns %v", err)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken.vcf")
	if err := os.WriteFile(file, []byte("BEGIN:VCARD\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{File: file}, "broken.vcf: card 1"},
		{Options{File: file + "x"}, "no such file"},
		{Options{URL: "http://127.0.0.1:1", Token: "x"}, "is it running?"},
	} {
		err := Run(t.Context(), test.o)
		if err == nil || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("error %v, want %q", err, test.want)
		}
	}
}
