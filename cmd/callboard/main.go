// Callboard: one line to your phone system, every app on the call.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/callboard-dev/callboard/client"
)

// commands are the program's verbs. Each lives in the file of its name.
type commands struct {
	Run     runCommand     `cmd:"" help:"Connect to your PBX and serve the page and the API."`
	Demo    demoCommand    `cmd:"" help:"See it work with a demo PBX and a few apps. Needs nothing."`
	Doctor  doctorCommand  `cmd:"" help:"Look at your PBX as Callboard sees it, and print what to change."`
	Open    openCommand    `cmd:"" help:"Open the page of the Callboard that runs."`
	Dial    dialCommand    `cmd:"" help:"Let your phone ring, and call a number when you pick it up."`
	Hangup  hangupCommand  `cmd:"" help:"End a call, or reject one that rings."`
	Log     logCommand     `cmd:"" help:"Show the call log: missed, received, dialed calls, lookups; search it."`
	Lookup  lookupCommand  `cmd:"" help:"Open a record for a number, an address, a name or a business card, without a call."`
	Reopen  reopenCommand  `cmd:"" help:"Put a closed record back on the board: every app works on it anew."`
	Erase   eraseCommand   `cmd:"" help:"Erase a person from all that Callboard has. It cannot be undone."`
	App     appCommand     `cmd:"" help:"Let apps in, list them, and take their tokens away."`
	Webhook webhookCommand `cmd:"" help:"Apps that are reached at a URL: add, list, remove them, and see what they were sent."`
	Export  exportCommand  `cmd:"" help:"Write all that is kept into a file: records, the call log, or people."`
	Import  importCommand  `cmd:"" help:"Add the records of an export to the database. Callboard must not run on it."`
	Store   storeCommand   `cmd:"" help:"The database: back it up, put a backup back, check it, copy it to PostgreSQL."`
	Config  configCommand  `cmd:"" help:"About callboard.yaml."`
	Trace   traceCommand   `cmd:"" help:"Recorded PBX streams: what was concluded from them."`
	Example exampleCommand `cmd:"" hidden:"" help:"Run one of the example apps."`

	Version kong.VersionFlag `help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 1 {
		os.Args = append(os.Args, "--help")
	}
	parsed := kong.Parse(&commands{}, kong.Name("callboard"), kong.ShortUsageOnError(),
		kong.Description("One line to your phone system, every app on the call."), kong.Vars{"version": "callboard " + version()}, kong.BindTo(ctx, (*context.Context)(nil)))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "callboard:", plain(err))
		stop()
		os.Exit(1)
	}
}

// plain is a refusal as a sentence for the terminal, without its code. What is against the contract is against the flags here.
func plain(err error) error {
	p, ok := errors.AsType[*client.Problem](err)
	if !ok || p.Detail == "" {
		return err
	}
	remedy := p.Remedy
	if strings.Contains(remedy, "openapi.yaml") {
		remedy = "see --help"
	}
	return fmt.Errorf("%s: %s", p.Detail, remedy)
}
