// Package app wires the program together and owns its lifecycle. It is the only package that knows all the others, and
// holds no rule of its own.
//
// New opens what can fail (the database, the listener); Run blocks until its context ends and has stopped everything when
// it returns. A program is a value: tests start several in one process, each on port 0 with a folder of its own.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/callboard-dev/callboard/internal/asterisk/cdr"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/crash"
	"github.com/callboard-dev/callboard/internal/erasure"
	"github.com/callboard-dev/callboard/internal/history"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/retention"
	"github.com/callboard-dev/callboard/internal/server"
	"github.com/callboard-dev/callboard/internal/store"
	"github.com/callboard-dev/callboard/internal/telemetry"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/webhook"
	js "github.com/callboard-dev/callboard/sdk/js"
	"github.com/callboard-dev/callboard/webui"
)

// Options configure an App.
type Options struct {
	Config  config.Config
	Version string
	Logger  *slog.Logger
	Forget  bool // nothing is kept: for measuring what keeping costs
	// OnLink is told of every change of the link to the PBX, from one goroutine; it must not block. May be nil.
	OnLink func(telephony.Link)
}

// App is one running Callboard.
type App struct {
	options   Options
	store     *store.Store
	board     *board.Board
	line      *line.Line
	committer *line.Committer
	connector connector.Connector
	records   *cdr.Records // nil: none
	eraser    *erasure.Eraser
	server    *server.Server
	outbox    *webhook.Outbox
	telemetry *telemetry.Telemetry
	listener  net.Listener
	token     string
}

// New opens the database and the listener. Its errors are sentences for a person, with a remedy.
func New(ctx context.Context, o Options) (*App, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &App{options: o}
	if err := a.open(ctx); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	c := a.options.Config
	folder := config.DataFolder(c.Data)
	link, err := pbx(c.PBX, a.options.Logger)
	if err != nil {
		return err
	}
	a.connector = link
	if a.records, err = Records(c, a.options.Logger); err != nil {
		return err
	}
	if a.listener, err = listen(ctx, c.Listen.Address); err != nil {
		return err
	}
	if a.store, err = OpenStore(ctx, c); err != nil {
		return orElsewhere(err, c)
	}
	if a.token, err = userToken(filepath.Join(folder, "user.token")); err != nil {
		return err
	}
	crash.Here("recovery: opened")
	loaded, err := a.store.Load(ctx)
	if err == nil {
		crash.Here("recovery: loaded")
		err = a.wire(ctx, c, loaded)
	}
	if err != nil {
		return err
	}
	a.outbox = a.newOutbox()
	a.server, err = server.New(ctx, server.Options{
		Board: a.board, Committer: a.committer, Store: served{a.store, a.outbox}, Webhooks: webhooks{a.outbox}, Eraser: a.eraser, UserToken: a.token, Hosts: c.Listen.Hosts,
		Limits: server.Limits{Writes: c.Limits.WritesPerSecond, Streams: c.Limits.StreamsAtOnce}, Page: webui.FS(), SDK: js.Source(), Version: a.options.Version, Logger: a.options.Logger,
		Metrics: a.telemetry.Handler(), Delivered: a.telemetry.Delivered,
		Lines: []server.ServedLine{{
			Name: a.line.Name(), Extensions: a.line.Extensions(), Link: a.line.Link, Phone: a.line,
			Lookup: func(in board.Sought) (board.Found, error) { return line.Lookup(in, c.Line.Region) },
		}},
	})
	return err
}

// wire joins board, line and committer on what the store had. What was to be erased does not come onto the board.
func (a *App) wire(ctx context.Context, c config.Config, loaded store.Loaded) error {
	past := time.Duration(0)
	if a.records != nil {
		past = config.Days(c.PBX.CDR.Days)
	}
	a.board = board.New(board.Options{
		Epoch: loaded.Epoch, NewID: newID, Normal: line.Normal(c.Line.Region), Authority: c.Board.Authority, Order: c.Board.Order,
		KeepLookups: c.Board.KeepLookups(), Past: past,
	})
	a.eraser = a.newEraser(c.Line.Region)
	finished, err := a.eraser.Restore(ctx)
	if err != nil {
		a.options.Logger.Error("an erasure is not done yet", "error", err)
	}
	if finished {
		if loaded, err = a.store.Load(ctx); err != nil {
			return err
		}
	}
	waiting, err := a.store.Lookups(ctx, time.Now().Add(-c.Board.KeepLookups()-past))
	if err != nil {
		return err
	}
	a.board.Recall(loaded.Bars)
	a.board.Restore(slices.Concat(loaded.Records, waiting), loaded.Tail, loaded.Seq, loaded.Oldest)
	var kept line.Store = a.store
	if a.options.Forget {
		kept = nowhere{}
	}
	if a.telemetry, err = a.newTelemetry(ctx, c.Traces.Endpoint); err != nil {
		return err
	}
	a.committer = line.NewCommitter(a.board, a.telemetry.Timed(kept), loaded.Seq, store.NewEpoch, a.options.Logger)
	name := c.Line.Name
	if name == "" {
		name = c.Line.Extensions[0].Number
	}
	var live []telephony.Call
	for _, r := range loaded.Records {
		if r.Call != nil && r.Call.State != telephony.Ended && r.Line == name {
			live = append(live, *r.Call)
		}
	}
	a.line = line.New(line.Options{Name: name, Region: c.Line.Region, Extensions: extensions(c.Line), Trunks: c.Line.Trunks, NewID: newID, PBX: a.connector,
		Policy:     line.Policy{Region: c.Line.Region, Outside: c.Dial.Outside, E164: c.Dial.E164, Allow: c.Dial.Allow, Deny: c.Dial.Deny},
		ShowDialed: c.Dial.Show == "number"}, a.board, live, loaded.SeenAt)
	return nil
}

// newID makes an id of 80 random bits behind its kind.
func newID(kind string) string { return kind + "_" + strings.ToLower(rand.Text()[:16]) }

func listen(ctx context.Context, address string) (net.Listener, error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %s is in use, perhaps by another Callboard: stop that one, or take another port (listen.address in callboard.yaml; --listen for the demo)", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w: set another listen.address in callboard.yaml", address, err)
	}
	return listener, nil
}

// userToken reads the person's token, or makes it. Only the user may read the file.
func userToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(text))) > 20 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cannot read the token in %s: %w: give your user the right to read it, or remove the file and Callboard makes another", path, err)
	}
	token := server.NewToken()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("cannot keep the token in %s: %w: give your user the right to write there", path, err)
	}
	return token, nil
}

// URL is where the page and the API are, without a slash at the end.
func (a *App) URL() string { return "http://" + a.listener.Addr().String() }

// PageURL is the page's address with a one-time code. Each call makes another.
func (a *App) PageURL() string { return a.URL() + "/#code=" + a.server.Code() }

// UserToken is the person's token.
func (a *App) UserToken() string { return a.token }

// Run serves until ctx ends. It returns nil then, with all that it started stopped.
func (a *App) Run(ctx context.Context) error {
	defer a.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	noticed, err := announce(a.URL(), a.options.Config)
	if err != nil {
		a.options.Logger.Warn("`callboard open` will not find this one", "error", err)
	}
	defer noticed()

	// The committer outlives the others: what they leave is made durable.
	commits, endCommits := context.WithCancel(context.WithoutCancel(ctx))
	var committing, others sync.WaitGroup
	committing.Go(func() { a.committer.Run(commits) })
	others.Go(func() { a.line.Inspect(ctx) })
	others.Go(func() { a.outbox.Run(ctx) })
	others.Go(func() { a.eraser.Run(ctx) })
	others.Go(func() { retention.Run(ctx, a.retention()) })
	others.Go(func() { a.telemetry.Run(ctx) })
	others.Go(func() { history.Run(ctx, a.board, a.store, a.options.Logger) })
	if a.records != nil {
		others.Go(func() { a.line.ReadBack(ctx, a.readBack()) })
	}
	others.Go(func() {
		connector.Supervise(ctx, a.connector, a.line.Observe, a.onLink)
	})
	err = a.server.Serve(ctx, a.listener)
	cancel()
	others.Wait()
	endCommits()
	committing.Wait()
	return err
}

func (a *App) onLink(l telephony.Link) {
	a.line.SetLink(l)
	if a.options.OnLink != nil {
		a.options.OnLink(l)
	}
}

func (a *App) close() {
	if a.listener != nil {
		a.listener.Close()
	}
	if a.store != nil {
		if err := a.store.Close(); err != nil {
			a.options.Logger.Error("the database did not close cleanly", "error", err)
		}
	}
}
