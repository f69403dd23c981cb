package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// configured is a command that begins with the configuration.
type configured struct {
	Config string `help:"The configuration. Default: callboard.yaml here, else in your configuration folder." placeholder:"FILE" type:"path"`
}

// load reads it, and says from which file.
func (c configured) load() (path string, settings config.Config, err error) {
	if path = c.Config; path == "" {
		path = config.DefaultPath()
	}
	settings, err = config.Load(path)
	if c.Config == "" && errors.Is(err, config.ErrNone) {
		err = fmt.Errorf("%w, and no callboard.yaml in this folder: name one with --config", err)
	}
	return path, settings, err
}

type runCommand struct {
	configured `embed:""`

	Debug  bool `help:"Log more."`
	Forget bool `hidden:"" help:"Keep nothing: for measuring what keeping costs."`
}

const firstRun = `%w

This is how to begin:
  1. callboard config describe > callboard.yaml
  2. fill in your PBX's address, your account there, and your extension
  3. callboard run

Or see it work first, with no PBX at all: callboard demo`

func (c *runCommand) Run(ctx context.Context) error {
	_, settings, err := c.load()
	if errors.Is(err, config.ErrNone) {
		return fmt.Errorf(firstRun, err)
	}
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: settings, Version: version(), Logger: logger(c.Debug), Forget: c.Forget, OnLink: linkSayer()})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Callboard is at %s\n(`%s open` makes a fresh address)\n", a.PageURL(), self())
	go giveBack(ctx)
	return a.Run(ctx)
}

// linkSayer tells the person at the terminal how the link to the PBX stands, and the same thing only once.
func linkSayer() func(telephony.Link) {
	said := ""
	return func(l telephony.Link) {
		text := ""
		switch l.State {
		case telephony.LinkConnected:
			text = "Connected to " + l.Peer
			for _, w := range l.Warnings {
				text += "\nWarning: " + w
			}
		case telephony.LinkGone, telephony.LinkRefused:
			text = "callboard: " + l.Problem + ": " + l.Remedy
		}
		if text != "" && text != said {
			fmt.Fprintln(os.Stderr, text)
			said = text
		}
	}
}

// self is how this program was called, for sentences that tell what to type.
func self() string {
	if strings.Contains(os.Args[0], "go-build") { // by `go run`
		return "go run ./cmd/callboard"
	}
	return os.Args[0]
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
