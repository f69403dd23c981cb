package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/demopbx"
)

type demoCommand struct {
	NoOpen bool   `help:"Do not open a browser."`
	Listen string `help:"Where the page and the API are. Default: 127.0.0.1:8747, or any free port where that is taken." placeholder:"ADDRESS"`
	JSON   bool   `help:"Print one line of JSON with url and token, then nothing else there. For scripts."`
	Debug  bool   `help:"Log more."`
}

const demoAccount, demoSecret = "demo", "demo-secret"

// exampleApps are the apps of the demo, by the id that names them as a source.
var exampleApps = []string{"addressbook", "crm", "tickets"}

func (c *demoCommand) Run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "callboard-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	pbx, err := demopbx.New(demopbx.Options{
		Accounts: map[string]demopbx.Account{demoAccount: {Secret: demoSecret, Read: "call,system,agent", Write: "call,reporting,originate"}},
		PickUp:   3 * time.Second, // whoever is called from the page answers
	})
	if err != nil {
		return err
	}
	defer pbx.Close()
	a, err := app.New(ctx, app.Options{Config: c.settings(pbx.Addr(), folder), Version: version(), Logger: logger(c.Debug)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	defer parts.Wait()
	failed := make(chan error, 1)
	parts.Go(func() { failed <- a.Run(ctx) })
	parts.Go(func() { playDemo(ctx, pbx, a) })
	if err := c.startApps(ctx, &parts, a, folder); err != nil {
		cancel()
		return err
	}
	if err := c.announce(a); err != nil {
		cancel()
		return err
	}
	err = <-failed
	cancel()
	return err
}

func (c *demoCommand) settings(pbx, folder string) config.Config {
	s := config.Defaults()
	s.PBX.Address, s.PBX.Username, s.PBX.Secret = pbx, demoAccount, demoSecret
	s.Line.Name = "Alice"
	s.Line.Extensions = []config.Extension{{Number: "1001", Device: "PJSIP/1001"}}
	s.Listen.Address = c.address(s.Listen.Address)
	// Nobody real is called, and whoever tries a webhook has it on this computer.
	s.Dial.Allow, s.Dial.E164, s.Webhooks.Allow = []string{"+"}, true, []string{"127.0.0.0/8", "::1/128"}
	s.Data = folder
	return s
}

// address is where to listen: a second demo, or one beside a real Callboard, takes any free port.
func (c *demoCommand) address(usual string) string {
	if c.Listen != "" {
		return c.Listen
	}
	probe, err := net.Listen("tcp", usual)
	if err != nil {
		return "127.0.0.1:0"
	}
	probe.Close()
	return usual
}

// playDemo lets the calls come once the apps are there, or after a while without them.
func playDemo(ctx context.Context, pbx *demopbx.PBX, a *app.App) {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for until := time.Now().Add(10 * time.Second); a.Working() < len(exampleApps) && time.Now().Before(until) && ctx.Err() == nil; {
		<-look.C
	}
	if err := pbx.Demo(ctx); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "callboard: the demo PBX has stopped:", err)
	}
}

func (c *demoCommand) announce(a *app.App) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]string{"url": a.URL(), "token": a.UserToken(), "page": a.PageURL()})
	}
	address := a.PageURL()
	fmt.Printf("Callboard's demo is at\n\n    %s\n\nThe first call comes in within a few seconds. `%s open` makes a fresh address; Ctrl-C ends it all.\n", address, self())
	if !c.NoOpen {
		browse(address)
	}
	return nil
}

// startApps lets the example apps in and runs each in a process of its own.
func (c *demoCommand) startApps(ctx context.Context, parts *sync.WaitGroup, a *app.App, folder string) error {
	board, err := client.Connect(ctx, client.Options{URL: a.URL(), Token: a.UserToken()})
	if err != nil {
		return err
	}
	defer board.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, id := range exampleApps {
		made, err := board.CreateApp(ctx, id, id+" (example)")
		if err != nil {
			return err
		}
		process := exec.CommandContext(ctx, self, "example", id, "--folder", filepath.Join(folder, id))
		process.Env = append(os.Environ(), "CALLBOARD_URL="+a.URL(), "CALLBOARD_TOKEN="+made.Token)
		process.Cancel = func() error { return process.Process.Signal(os.Interrupt) }
		process.WaitDelay = 3 * time.Second
		if c.Debug {
			process.Stderr = os.Stderr
		}
		// The app ends when this pipe does: no demo that was killed leaves apps behind.
		if _, err := process.StdinPipe(); err != nil {
			return err
		}
		if err := process.Start(); err != nil {
			return fmt.Errorf("start the example app %s: %w", id, err)
		}
		parts.Go(func() { sayExit(ctx, id, process.Wait()) })
	}
	return nil
}

func sayExit(ctx context.Context, id string, err error) {
	if ctx.Err() == nil && err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "callboard: the example app %s has stopped: %v (--debug shows why)\n", id, err)
	}
}
