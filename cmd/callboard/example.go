package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/examples"
	"github.com/callboard-dev/callboard/examples/addressbook/book"
	"github.com/callboard-dev/callboard/examples/crm/accounts"
	"github.com/callboard-dev/callboard/examples/ticketdesk/desk"
	js "github.com/callboard-dev/callboard/sdk/js"
)

// exampleCommand is how the demo runs an example app in a process of its own: a program that was installed has no sources
// beside it. It ends with its standard input.
type exampleCommand struct {
	Name   string `arg:"" enum:"addressbook,crm,tickets"`
	Folder string `help:"For the app's own files." required:"" type:"path"`
}

func (c *exampleCommand) Run(ctx context.Context) error {
	url, token := os.Getenv("CALLBOARD_URL"), os.Getenv("CALLBOARD_TOKEN")
	if url == "" || token == "" {
		return fmt.Errorf("CALLBOARD_URL and CALLBOARD_TOKEN must be set: `callboard app add %s` prints both", c.Name)
	}
	if err := os.MkdirAll(c.Folder, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		io.Copy(io.Discard, os.Stdin)
	}()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("app", c.Name)
	switch c.Name {
	case "addressbook":
		return book.Run(ctx, book.Options{URL: url, Token: token, Logger: log})
	case "tickets":
		return desk.Run(ctx, desk.Options{URL: url, Token: token, DB: filepath.Join(c.Folder, "tickets.db"), Logger: log})
	}
	if node, ok := findNode(ctx); ok {
		return runScript(ctx, node, c.Folder)
	}
	return accounts.Run(ctx, accounts.Options{URL: url, Token: token, Logger: log})
}

// findNode reports whether there is a Node that can run the JavaScript SDK: 20 or later.
func findNode(ctx context.Context) (string, bool) {
	node, err := exec.LookPath("node")
	if err != nil {
		return "", false
	}
	out, err := exec.CommandContext(ctx, node, "--version").Output()
	var major int
	if _, scanErr := fmt.Sscanf(strings.TrimSpace(string(out)), "v%d.", &major); err != nil || scanErr != nil {
		return "", false
	}
	return node, major >= 20
}

// runScript runs the CRM in JavaScript, with its files laid out as in the sources.
func runScript(ctx context.Context, node, folder string) error {
	for name, content := range map[string][]byte{
		"examples/crm/crm.mjs":       examples.CRMScript,
		"examples/crm/accounts.json": examples.CRMAccounts,
		"sdk/js/dist/callboard.js":   js.Source(),
		"package.json":               []byte(`{"type":"module"}`),
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	script := exec.CommandContext(ctx, node, filepath.Join(folder, "examples/crm/crm.mjs"))
	script.Stderr = os.Stderr
	script.Cancel = func() error { return script.Process.Signal(os.Interrupt) }
	script.WaitDelay = 2 * time.Second
	err := script.Run()
	if ctx.Err() != nil {
		return nil
	}
	return err
}
