package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/telephony"
)

type runCommand struct {
	Config string `help:"The configuration. Default: callboard.yaml here, else in your configuration folder." placeholder:"FILE" type:"path"`
	Debug  bool   `help:"Log more."`
}

const firstRun = `%w

This is how to begin:
  1. callboard config describe > callboard.yaml
  2. fill in your PBX's address, your account there, and your extension
  3. callboard run

Or see it work first, with no PBX at all: callboard demo`

func (c *runCommand) Run(ctx context.Context) error {
	path := c.Config
	if path == "" {
		path = config.DefaultPath()
	}
	settings, err := config.Load(path)
	if errors.Is(err, config.ErrNone) {
		return fmt.Errorf(firstRun, err)
	}
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: settings, Version: version(), Logger: logger(c.Debug), OnLink: sayLink})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Callboard is at %s\n(`callboard open` makes a fresh address)\n", a.PageURL())
	return a.Run(ctx)
}

// sayLink tells the person at the terminal how the link to the PBX stands.
func sayLink(l telephony.Link) {
	switch l.State {
	case telephony.LinkConnected:
		fmt.Fprintf(os.Stderr, "Connected to %s\n", l.Peer)
	case telephony.LinkGone, telephony.LinkRefused:
		fmt.Fprintf(os.Stderr, "callboard: %s: %s\n", l.Problem, l.Remedy)
	}
}

func logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// version is what the build says of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "development"
}

type configCommand struct {
	Describe describeCommand `cmd:"" help:"Print a commented callboard.yaml."`
}

type describeCommand struct{}

func (describeCommand) Run() error { return config.Describe(os.Stdout) }
