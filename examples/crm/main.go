// Crm tells Callboard who looks after the caller's company. crm.mjs is the same app for Node.
//
//	CALLBOARD_URL=http://127.0.0.1:8747 CALLBOARD_TOKEN=… go run ./examples/crm
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

	"github.com/callboard-dev/callboard/examples/crm/accounts"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "crm:", err)
		os.Exit(1)
	}
}

func run() error {
	o := accounts.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("app", "crm")}
	flag.StringVar(&o.URL, "url", os.Getenv("CALLBOARD_URL"), "address of Callboard (default $CALLBOARD_URL)")
	flag.StringVar(&o.Token, "token", os.Getenv("CALLBOARD_TOKEN"), "token of this app (better: $CALLBOARD_TOKEN, which other users cannot see)")
	flag.Parse()
	if o.URL == "" || o.Token == "" {
		return errors.New("CALLBOARD_URL and CALLBOARD_TOKEN must be set: `callboard app add crm` prints both")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return accounts.Run(ctx, o)
}
