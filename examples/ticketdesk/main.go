// Ticketdesk stores the notes of every call and makes tickets of calls, in a SQLite file of its own.
//
//	CALLBOARD_URL=http://127.0.0.1:8747 CALLBOARD_TOKEN=… go run ./examples/ticketdesk -db tickets.db
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/callboard-dev/callboard/examples/ticketdesk/desk"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ticketdesk:", err)
		os.Exit(1)
	}
}

func run() error {
	o := desk.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("app", "ticketdesk")}
	flag.StringVar(&o.URL, "url", os.Getenv("CALLBOARD_URL"), "address of Callboard (default $CALLBOARD_URL)")
	flag.StringVar(&o.Token, "token", os.Getenv("CALLBOARD_TOKEN"), "token of this app (better: $CALLBOARD_TOKEN, which other users cannot see)")
	flag.StringVar(&o.DB, "db", "tickets.db", "SQLite file for notes and tickets")
	flag.Parse()
	if o.URL == "" || o.Token == "" {
		return errors.New("CALLBOARD_URL and CALLBOARD_TOKEN must be set: `callboard app add tickets` prints both")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return desk.Run(ctx, o)
}
