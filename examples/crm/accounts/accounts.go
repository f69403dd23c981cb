// Package accounts is an app for Callboard that knows companies but no numbers: once another app has said for which
// company the caller works, it adds the account manager, the open deals and a link to the account's page. crm.mjs
// beside it is the same app in JavaScript, on the same data. Run blocks until its context ends.
package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/examples"
)

// Options of Run. URL and Token are needed.
type Options struct {
	URL, Token string
	// Logger is where the app says what it does. Default: nowhere.
	Logger *slog.Logger
}

// Account is one company of the CRM.
type Account struct {
	ID       string   `json:"id"`
	Company  string   `json:"company"`
	Manager  string   `json:"account_manager"`
	Segment  string   `json:"segment"`
	Website  string   `json:"website"`
	Location string   `json:"location"`
	Deals    []string `json:"open_deals"`
}

// Accounts are the companies by their normal name.
type Accounts map[string]Account

// Load reads accounts.json.
func Load(b []byte) (Accounts, error) {
	var list []Account
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("accounts.json: %w", err)
	}
	all := make(Accounts, len(list))
	for _, a := range list {
		all[normal(a.Company)] = a
	}
	return all, nil
}

// Find gives the account of a company, whatever the case and the white space of its name.
func (all Accounts) Find(company string) (Account, bool) {
	a, ok := all[normal(company)]
	return a, ok
}

func normal(company string) string {
	return strings.ToLower(strings.Join(strings.Fields(company), " "))
}

// answer says what the CRM knows. An app's own fields begin with x. and its id.
func (a Account) answer(app string) client.Answer {
	return client.Answer{
		Claims: client.Claims{
			"x." + app + ".account_manager": a.Manager,
			"x." + app + ".open_deals":      a.deals(),
			"x." + app + ".segment":         a.Segment,
			"party.website":                 a.Website,
			"party.company_location":        a.Location,
		},
		// With an id of its own the link is replaced, not added again, when the company is corrected.
		Items: []client.NewItem{{List: "links", ID: "account", Title: a.Company + " in the CRM", URL: "https://crm.example/accounts/" + url.PathEscape(a.ID)}},
	}
}

func (a Account) deals() string {
	if len(a.Deals) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(a.Deals), strings.Join(a.Deals, "; "))
}

// Run serves the board until ctx ends, and then returns nil.
func Run(ctx context.Context, o Options) error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	all, err := Load(examples.CRMAccounts)
	if err != nil {
		return err
	}
	c, err := client.Connect(ctx, client.Options{URL: o.URL, Token: o.Token, Logger: o.Logger})
	if err != nil {
		return err
	}
	defer c.Close()
	me, err := c.Status(ctx)
	if err != nil {
		return err
	}
	app := me.Source
	o.Logger.Info("CRM is open", "accounts", len(all), "callboard", o.URL)
	c.OnStatus(func(s client.Status) { o.Logger.Info("link to Callboard", "state", s.Link) })
	c.Enrich(client.Enrichment{
		Needs: []string{"party.company"},
		Gives: []string{"x." + app + ".account_manager", "x." + app + ".open_deals", "x." + app + ".segment", "party.website", "party.company_location"},
	}, func(_ context.Context, r *client.Record, w client.Work) (client.Answer, error) {
		company := r.Value("party.company")
		a, ok := all.Find(company)
		if !ok {
			o.Logger.Info("no account", "record", r.ID, "company", company)
			return client.Answer{NothingFound: true}, nil
		}
		o.Logger.Info("account", "record", r.ID, "company", company, "account", a.ID, "manager", a.Manager, "round", w.Round)
		return a.answer(app), nil
	})
	return c.Run(ctx)
}
