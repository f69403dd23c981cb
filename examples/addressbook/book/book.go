// Package book is an app for Callboard that knows numbers: whenever a record has a new number, it looks the number up
// in a vCard file and says whose it is. Run blocks until its context ends; the file is read once, at the start.
package book

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/callboard-dev/callboard/client"
)

//go:embed people.vcf
var people []byte

// Options of Run. URL and Token are needed.
type Options struct {
	URL, Token string
	// File is a vCard file; without one the four people of the demo are known.
	File string
	// Region is the country of numbers without a country code in the file, DK by default.
	Region string
	// Logger is where the app says what it does. Default: nowhere.
	Logger *slog.Logger
}

// Run serves the board until ctx ends, and then returns nil.
func Run(ctx context.Context, o Options) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	b, err := open(o)
	if err != nil {
		return err
	}
	c, err := client.Connect(ctx, client.Options{URL: o.URL, Token: o.Token, Logger: o.Logger})
	if err != nil {
		return err
	}
	defer c.Close()
	o.Logger.Info("address book is open", "cards", b.Len(), "callboard", o.URL)
	c.OnStatus(func(s client.Status) { o.Logger.Info("link to Callboard", "state", s.Link) })
	c.Enrich(client.Enrichment{
		Needs: []string{"party.number"},
		Gives: []string{"party.name", "party.company", "party.email", "party.job_title", "party.address"},
		On:    []client.Moment{client.Opened},
	}, func(_ context.Context, r *client.Record, _ client.Work) (client.Answer, error) {
		number, began := r.Value("party.number"), time.Now()
		facts, ok := b.Find(number)
		if !ok {
			o.Logger.Info("not in the address book", "record", r.ID, "number", number)
			return client.Answer{NothingFound: true}, nil
		}
		o.Logger.Info("found", "record", r.ID, "number", number, "name", facts["party.name"], "company", facts["party.company"],
			"took", time.Since(began).Round(time.Microsecond))
		return client.Answer{Claims: client.Claims(facts)}, nil
	})
	return c.Run(ctx)
}

func open(o Options) (*Book, error) {
	if o.Region == "" {
		o.Region = "DK"
	}
	var r io.Reader = bytes.NewReader(people)
	if o.File != "" {
		f, err := os.Open(o.File)
		if err != nil {
			return nil, fmt.Errorf("the address book: %w", err)
		}
		defer f.Close()
		r = f
	}
	b, err := Load(r, o.Region)
	if err != nil && o.File != "" {
		return nil, fmt.Errorf("%s: %w", o.File, err)
	}
	return b, err
}
