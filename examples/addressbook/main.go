// Addressbook tells Callboard whose number it is, from a vCard file.
//
//	CALLBOARD_URL=http://127.0.0.1:8747 CALLBOARD_TOKEN=… go run ./examples/addressbook -file contacts.vcf
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

	"github.com/callboard-dev/callboard/examples/addressbook/book"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "addressbook:", err)
		os.Exit(1)
	}
}

func run() error {
	o := book.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)).With("app", "addressbook")}
	flag.StringVar(&o.URL, "url", os.Getenv("CALLBOARD_URL"), "address of Callboard (default $CALLBOARD_URL)")
	flag.StringVar(&o.Token, "token", os.Getenv("CALLBOARD_TOKEN"), "token of this app (better: $CALLBOARD_TOKEN, which other users cannot see)")
	flag.StringVar(&o.File, "file", "", "vCard file (default: four people of the demo)")
	flag.StringVar(&o.Region, "region", "DK", "country of numbers without a country code in the file")
	flag.Parse()
	if o.URL == "" || o.Token == "" {
		return errors.New("CALLBOARD_URL and CALLBOARD_TOKEN must be set: `callboard app add addressbook` prints both")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return book.Run(ctx, o)
}
