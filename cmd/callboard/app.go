package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

type appCommand struct {
	Which   which             `embed:""`
	Add     addAppCommand     `cmd:"" help:"Let an app in and print its token, once."`
	List    listAppsCommand   `cmd:"" help:"List the apps: what each may, and what it is barred from." default:"1"`
	Set     setAppCommand     `cmd:"" help:"Change what an app may. It keeps its token; what is not said stays."`
	Release releaseAppCommand `cmd:"" help:"Let an app write a field again that it was barred from."`
	Remove  removeAppCommand  `cmd:"" help:"Take an app's token away."`
}

// granted are the flags that say what an app may. Absent: unless said otherwise.
type granted struct {
	May        []client.Permission `help:"What it may do besides: dial (make calls), control (command calls that there are), reopen (put closed records back), metrics (read how Callboard is), none." placeholder:"dial,control"`
	Claim      []string            `help:"Fields and lists that it may write, such as party.email, notes or x.acme-crm.*; all, or none. Default: all." placeholder:"party.*"`
	Read       []string            `help:"Fields and lists that it may read, besides its own fields; all, or none. Default: all." placeholder:"party.*"`
	MaxQuality *client.Quality     `help:"What its claims count as at most: guess, derived, matched, verified." placeholder:"verified"`
	AfterCall  *bool               `help:"It may write when the record is closed, some minutes after the call." negatable:""`
}

// change is what the flags say.
func (g *granted) change() api.AppChange {
	c := api.AppChange{MaxQuality: g.MaxQuality, AfterCall: g.AfterCall, Claim: patterns(g.Claim), Read: patterns(g.Read)}
	c.May = said(g.May)
	return c
}

// patterns is a flag's list of fields; a * alone is the shell's.
func patterns(list []string) *[]string {
	if len(list) == 1 && list[0] == "all" {
		return &[]string{"*"}
	}
	return said(list)
}

// said is a flag's list; nil: it is absent.
func said[S ~string](list []S) *[]S {
	switch {
	case list == nil:
		return nil
	case len(list) == 1 && list[0] == "none":
		return &[]S{}
	}
	return &list
}

type addAppCommand struct {
	ID    string   `arg:"" help:"Short and stable, such as acme-crm: it names the source of what the app says."`
	Name  string   `help:"What to call it."`
	Needs []string `help:"Fields that it says it works from, to be warned of loops." placeholder:"party.number"`
	Gives []string `help:"Fields that it says it gives, to be warned of loops." placeholder:"party.company"`
	Renew bool     `help:"Give an app that is there already a new token; the old one stops working."`
	granted
}

func (c *addAppCommand) Run(ctx context.Context, of *appCommand) error {
	board, url, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	asked, app := c.change(), api.NewApp{ID: c.ID, Name: c.Name, Needs: c.Needs, Gives: c.Gives, Renew: c.Renew}
	app.Claim, app.Read, app.AfterCall = asked.Claim, asked.Read, asked.AfterCall != nil && *asked.AfterCall
	if asked.May != nil {
		app.May = *asked.May
	}
	if asked.MaxQuality != nil {
		app.MaxQuality = *asked.MaxQuality
	}
	made, err := board.LetIn(ctx, app)
	if err != nil {
		return err
	}
	for _, ring := range made.Cycles {
		fmt.Fprintf(os.Stderr, "These apps may set each other off: %s. Callboard ends every loop; see whether this one is meant.\n", ringText(ring))
	}
	fmt.Fprintln(os.Stderr, "Give these to the app. The token is not shown again.")
	fmt.Printf("export CALLBOARD_URL=%s\nexport CALLBOARD_TOKEN=%s\n", url, made.Token)
	return nil
}

// ringText reads crm → party.company → mail → party.email → crm.
func ringText(ring api.Cycle) string {
	var parts []string
	for i, app := range ring.Apps {
		parts = append(parts, app, ring.Fields[i])
	}
	return strings.Join(append(parts, ring.Apps[0]), " → ")
}

type listAppsCommand struct{}

func (listAppsCommand) Run(ctx context.Context, of *appCommand) error {
	board, _, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	list, err := board.AppList(ctx)
	if err != nil {
		return err
	}
	for _, a := range list.Apps {
		printApp(a)
	}
	for _, ring := range list.Cycles {
		fmt.Printf("These may set each other off: %s\n", ringText(ring))
	}
	return nil
}

// printApp prints a line, and below it where the app may less than most.
func printApp(a api.App) {
	state := "away"
	if a.Connected {
		state = "working"
	}
	may := ""
	for _, m := range a.May {
		may += " " + string(m)
	}
	if may != "" {
		may = " (may" + may + ")"
	}
	fmt.Printf("%-20s %-8s %s%s\n", a.ID, state, a.Name, may)
	printGrant("reads", a.Read)
	printGrant("writes", a.Claim)
	if a.MaxQuality != api.QualityVerified {
		fmt.Printf("    counts as %s at most\n", a.MaxQuality)
	}
	if a.AfterCall {
		fmt.Println("    writes also when the record is closed")
	}
	for _, q := range a.Quarantined {
		fmt.Printf("    barred from %s since %s, for it ran in circles there: `callboard app release %s %s`\n", q.Field, q.Since.Local().Format(time.DateTime), a.ID, q.Field)
	}
}

func printGrant(what string, patterns []string) {
	switch {
	case len(patterns) == 0:
		fmt.Printf("    %s nothing\n", what)
	case !slices.Equal(patterns, []string{"*"}):
		fmt.Printf("    %s only %s\n", what, strings.Join(patterns, ", "))
	}
}

type setAppCommand struct {
	ID   string  `arg:"" help:"The app, as in app list."`
	Name *string `help:"What to call it."`
	granted
}

func (c *setAppCommand) Run(ctx context.Context, of *appCommand) error {
	board, _, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	change := c.change()
	change.Name = c.Name
	now, err := board.ChangeApp(ctx, c.ID, change)
	if err != nil {
		return err
	}
	printApp(now)
	return nil
}

type releaseAppCommand struct {
	ID    string `arg:"" help:"The app, as in app list."`
	Field string `arg:"" help:"The field or list that it is barred from."`
}

func (c *releaseAppCommand) Run(ctx context.Context, of *appCommand) error {
	board, _, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	return board.ReleaseApp(ctx, c.ID, c.Field)
}

type removeAppCommand struct {
	ID string `arg:"" help:"The app, as in app list."`
}

func (c *removeAppCommand) Run(ctx context.Context, of *appCommand) error {
	board, _, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	return board.RemoveApp(ctx, c.ID)
}
