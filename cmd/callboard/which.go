package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/config"
)

// which says which of the Callboards that run is meant.
type which struct {
	Config string `xor:"which" help:"Speak with the Callboard that runs with this configuration. Default: the one of callboard.yaml here, else the newest." placeholder:"FILE" type:"path"`
	URL    string `xor:"which" help:"Speak with the Callboard at this address." placeholder:"URL"`
}

// connect speaks, as the person, with the Callboard that is meant. It returns its address, too. Where several answer it
// says on standard error which one it is.
func (w which) connect(ctx context.Context) (*client.Client, string, error) {
	running, err := app.Find()
	if err != nil {
		return nil, "", err
	}
	meant, err := w.choose(running)
	if err != nil {
		return nil, "", err
	}
	var first error
	for _, r := range meant {
		board, err := connectTo(ctx, r)
		if err == nil {
			w.tell(r, running)
			return board, r.URL, nil
		}
		first = cmp.Or(first, err)
	}
	return nil, "", first
}

// choose returns those to try, in this order.
func (w which) choose(running []app.Running) ([]app.Running, error) {
	switch {
	case w.URL != "":
		at, _, _ := strings.Cut(w.URL, "/#") // the page's address will do
		at = strings.TrimRight(at, "/")
		meant := only(running, func(r app.Running) bool { return r.URL == at })
		if len(meant) == 0 {
			return nil, fmt.Errorf("no Callboard of yours is running at %s: use one of %s", at, addresses(running))
		}
		return meant, nil
	case w.Config != "":
		token, err := tokenFile(w.Config)
		if err != nil {
			return nil, err
		}
		meant := only(running, func(r app.Running) bool { return r.TokenFile == token })
		if len(meant) == 0 {
			return nil, fmt.Errorf("no Callboard is running with %s: start it with `%s run --config %s`, or use --url with one of %s", w.Config, self(), w.Config, addresses(running))
		}
		return meant, nil
	}
	// A configuration here that cannot be read is for `run` to complain of.
	if token, err := tokenFile("callboard.yaml"); err == nil {
		here := func(r app.Running) bool { return r.TokenFile == token }
		return append(only(running, here), only(running, func(r app.Running) bool { return !here(r) })...), nil
	}
	return running, nil
}

func only(running []app.Running, is func(app.Running) bool) []app.Running {
	return slices.DeleteFunc(slices.Clone(running), func(r app.Running) bool { return !is(r) })
}

// tokenFile is where a Callboard with this configuration keeps the person's token.
func tokenFile(path string) (string, error) {
	settings, err := config.Load(path)
	if err != nil {
		return "", err
	}
	data, err := filepath.Abs(config.DataFolder(settings.Data))
	return filepath.Join(data, "user.token"), err
}

func addresses(running []app.Running) string {
	var all []string
	for _, r := range running {
		if !slices.Contains(all, r.URL) {
			all = append(all, r.URL)
		}
	}
	return strings.Join(all, ", ")
}

// tell says which Callboard it is, unless it was named or is the only one.
func (w which) tell(chosen app.Running, running []app.Running) {
	if w.URL != "" || w.Config != "" {
		return
	}
	others := only(running, func(r app.Running) bool { return r.URL != chosen.URL && listens(r.URL) })
	if len(others) > 0 {
		fmt.Fprintf(os.Stderr, "This is the Callboard at %s. Also running: %s (choose with --url or --config).\n", chosen.URL, addresses(others))
	}
}

// listens reports whether something is at an address: a note may be of one that died.
func listens(address string) bool {
	at, err := url.Parse(address)
	if err != nil {
		return false
	}
	conn, err := net.DialTimeout("tcp", at.Host, 300*time.Millisecond)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func connectTo(ctx context.Context, running app.Running) (*client.Client, error) {
	token, err := os.ReadFile(running.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the token of the Callboard at %s: %w: do this as the user who started it", running.URL, err)
	}
	return client.Connect(ctx, client.Options{URL: running.URL, Token: strings.TrimSpace(string(token))})
}
