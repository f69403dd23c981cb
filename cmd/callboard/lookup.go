package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/callboard-dev/callboard/client"
)

type lookupCommand struct {
	Which which  `embed:""`
	What  string `arg:"" optional:"" help:"A number, an e-mail, web or IP address; anything else is a name."`
	VCard string `name:"vcard" help:"A business card: a file with one vCard 3.0 or 4.0, or - for what is piped in." placeholder:"FILE"`

	Name    string `help:"A name." placeholder:"NAME"`
	Company string `help:"A company." placeholder:"NAME"`
}

// largestFile bounds what is read; the server says what it takes of that.
const largestFile = 1 << 20

func (c *lookupCommand) Run(ctx context.Context) error {
	sought := guess(c.What)
	sought.Name, sought.Company = cmp.Or(c.Name, sought.Name), c.Company
	if c.VCard != "" {
		text, err := readFile(c.VCard)
		if err != nil {
			return err
		}
		sought.Vcard = text
	}
	if sought == (client.Sought{}) {
		return errors.New("nothing was said to look up: give a number, an address or a name, or --vcard FILE")
	}
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	r, err := board.LookupAny(ctx, sought)
	if err != nil {
		return err
	}
	fmt.Println(r.ID)
	return nil
}

// guess says what a word is: a person types one without saying.
func guess(what string) client.Sought {
	what = strings.TrimSpace(what)
	_, notIP := netip.ParseAddr(what)
	switch {
	case what == "":
		return client.Sought{}
	case strings.Contains(what, "@"):
		return client.Sought{Email: what}
	case notIP == nil:
		return client.Sought{IP: what}
	case strings.Trim(what, "+0123456789 -./()") == "":
		return client.Sought{Number: what}
	case strings.Contains(what, "://"), !strings.ContainsAny(what, " \t") && strings.Contains(strings.Trim(what, "."), "."):
		return client.Sought{Website: what}
	}
	return client.Sought{Name: what}
}

func readFile(name string) (string, error) {
	in := os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("cannot read the business card: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, largestFile))
	if err != nil {
		return "", fmt.Errorf("cannot read the business card: %w", err)
	}
	return string(text), nil
}

type reopenCommand struct {
	Which  which  `embed:""`
	Record string `arg:"" help:"The record, such as rec_…"`
}

func (c *reopenCommand) Run(ctx context.Context) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	r, err := board.Reopen(ctx, c.Record)
	if err != nil {
		return err
	}
	fmt.Println(r.ID)
	return nil
}
