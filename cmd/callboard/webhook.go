package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

type webhookCommand struct {
	Which  which                `embed:""`
	Add    addWebhookCommand    `cmd:"" help:"Let an app in that is reached at a URL, and print its signing secret, once."`
	List   listWebhooksCommand  `cmd:"" help:"List the webhooks and how each stands." default:"1"`
	Enable enableWebhookCommand `cmd:"" help:"Let a webhook go on that is disabled; what waits is sent at once."`
	Remove removeWebhookCommand `cmd:"" help:"Take the app away, with its webhook and all that waits for it."`
	Rotate rotateWebhookCommand `cmd:"" help:"Give a webhook a new signing secret and print it, once."`
	Log    logWebhookCommand    `cmd:"" help:"Show what was and is to be delivered, the newest first."`
	Resend resendWebhookCommand `cmd:"" help:"Send a delivery of the log once more."`
	Test   testWebhookCommand   `cmd:"" help:"Send a test now, and say what came of it."`
}

// with runs something as the person at the Callboard that is meant.
func (c *webhookCommand) with(ctx context.Context, do func(board *client.Client) error) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	return do(board)
}

type addWebhookCommand struct {
	ID         string          `arg:"" help:"Short and stable, such as acme-crm: it names the source of what the app says."`
	URL        string          `arg:"" help:"Where it is. Addresses of this computer or network: see webhooks.allow in callboard.yaml."`
	Name       string          `help:"What to call it."`
	Needs      []string        `help:"Hand it work: fields that it works from." placeholder:"party.number"`
	Gives      []string        `help:"Fields that it gives." placeholder:"party.name"`
	On         []api.Moment    `help:"Hand it work on these moments: opened, answered, ended, changed." placeholder:"ended"`
	Deadline   time.Duration   `help:"How long it takes for a work. Default: 5s." placeholder:"5s"`
	Types      []string        `help:"Tell it these types of notification, such as call.ended or call.*. Default, without work: all." placeholder:"call.*"`
	Lines      []string        `help:"Tell it only of records of these lines."`
	CallStates []api.CallState `help:"Tell it only of records whose call is in one of these states: dialing, ringing, connected, held, ended." placeholder:"ended"`
	Fields     []string        `help:"Tell it only of changes of these fields, and of items of these lists." placeholder:"party.*"`
	Claims     bool            `help:"Send with every field all its claims."`
}

func (c *addWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	for _, name := range c.Types {
		if !strings.HasSuffix(name, ".*") && !api.NotificationType(name).Valid() {
			return fmt.Errorf("%q is no type of notification: say one, such as call.ended, or all of a kind, such as call.*", name)
		}
	}
	hook := api.NewWebhook{ID: c.ID, Name: c.Name, URL: c.URL}
	if c.Claims {
		hook.Include = api.NewWebhookIncludeClaims
	}
	if len(c.Needs)+len(c.On) > 0 {
		hook.Work = &api.WebhookWork{Needs: c.Needs, Gives: c.Gives, On: c.On, DeadlineMs: c.Deadline.Milliseconds()}
	}
	if filtered := len(c.Types)+len(c.Lines)+len(c.CallStates)+len(c.Fields) > 0; filtered || hook.Work == nil {
		hook.Notify = &api.WebhookFilter{Types: c.Types, Lines: c.Lines, CallStates: c.CallStates, Fields: c.Fields}
	}
	return of.with(ctx, func(board *client.Client) error {
		made, err := board.CreateWebhook(ctx, hook)
		if err == nil {
			fmt.Fprintln(os.Stderr, "Give this to the app, to check the signatures with. It is not shown again.")
			fmt.Printf("export CALLBOARD_WEBHOOK_SECRET=%s\n", made.Secret)
		}
		return err
	})
}

type listWebhooksCommand struct{}

func (listWebhooksCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error {
		hooks, err := board.Webhooks(ctx)
		if err != nil {
			return err
		}
		if len(hooks) == 0 {
			fmt.Fprintf(os.Stderr, "There are no webhooks. `%s webhook add ID URL` adds one.\n", self())
		}
		return printWebhooks(os.Stdout, hooks, time.Now())
	})
}

// printWebhooks writes a line for each, and below it what should be known.
func printWebhooks(out io.Writer, hooks []api.Webhook, now time.Time) error {
	for _, h := range hooks {
		fmt.Fprintf(out, "%-20s %s  %s\n", h.ID, h.URL, told(h))
		fmt.Fprintf(out, "%-20s %s\n", "", standing(h, now))
	}
	return nil
}

// told says what a webhook is called for.
func told(h api.Webhook) string {
	var parts []string
	if h.Work != nil {
		if len(h.Work.Needs) > 0 {
			parts = append(parts, strings.TrimSuffix(strings.Join(h.Work.Needs, ", ")+" → "+strings.Join(h.Work.Gives, ", "), " → "))
		}
		for _, m := range h.Work.On {
			parts = append(parts, "on "+string(m))
		}
	}
	if h.Notify != nil {
		types := "all notifications"
		if len(h.Notify.Types) > 0 {
			types = strings.Join(h.Notify.Types, ", ")
		}
		parts = append(parts, types)
	}
	return "(" + strings.Join(parts, "; ") + ")"
}

// standing says how a webhook stands.
func standing(h api.Webhook, now time.Time) string {
	text := "never called"
	switch {
	case !h.DisabledAt.IsZero():
		text = fmt.Sprintf("DISABLED %s: %s (`%s webhook enable %s`)", ago(h.DisabledAt, now), h.DisabledReason, self(), h.ID)
	case !h.Enabled:
		text = "off"
	case !h.FailingSince.IsZero():
		text = fmt.Sprintf("FAILING since %s: %s", ago(h.FailingSince, now), h.Problem)
	case !h.TakenAt.IsZero() && h.Problem != "":
		text = fmt.Sprintf("last called %s: %s", ago(h.TakenAt, now), h.Problem)
	case !h.TakenAt.IsZero():
		text = "works, last called " + ago(h.TakenAt, now)
	}
	if h.Waiting > 0 {
		text += fmt.Sprintf("; %d waiting", h.Waiting)
	}
	if !h.FormerSecretUntil.IsZero() {
		text += "; the former secret signs until " + h.FormerSecretUntil.Local().Format("2 Jan 15:04")
	}
	return text
}

// ago is how long ago something was, roughly.
func ago(at, now time.Time) string {
	d := now.Sub(at)
	switch {
	case d < 0:
		return "in " + d.Abs().Round(time.Second).String()
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h ago"
	}
	return strconv.Itoa(int(d.Hours()/24)) + " days ago"
}

type enableWebhookCommand struct {
	ID string `arg:""`
}

func (c *enableWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error {
		_, err := board.ChangeWebhook(ctx, c.ID, api.WebhookChange{Enabled: new(true)})
		return err
	})
}

type removeWebhookCommand struct {
	ID string `arg:""`
}

func (c *removeWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error { return board.RemoveWebhook(ctx, c.ID) })
}

type rotateWebhookCommand struct {
	ID      string        `arg:""`
	Overlap time.Duration `help:"How long the former secret signs too." default:"24h"`
}

func (c *rotateWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error {
		made, err := board.RotateWebhookSecret(ctx, c.ID, c.Overlap)
		if err == nil {
			fmt.Fprintf(os.Stderr, "The former secret signs too until %s. This one is not shown again.\n", made.FormerUntil.Local().Format("2 Jan 15:04"))
			fmt.Printf("export CALLBOARD_WEBHOOK_SECRET=%s\n", made.Secret)
		}
		return err
	})
}

type logWebhookCommand struct {
	ID     string `arg:""`
	Limit  int    `help:"How many." default:"50"`
	Before int64  `help:"Those before this number: the next page."`
}

func (c *logWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error {
		page, err := board.Deliveries(ctx, c.ID, c.Before, c.Limit)
		if err != nil {
			return err
		}
		if err := printDeliveries(os.Stdout, page.Deliveries, time.Now()); err != nil {
			return err
		}
		if page.Next > 0 {
			fmt.Fprintf(os.Stderr, "More: --before %d\n", page.Next)
		}
		return nil
	})
}

// printDeliveries writes a line for each.
func printDeliveries(out io.Writer, deliveries []api.Delivery, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, d := range deliveries {
		outcome := d.Note
		if n := len(d.Attempts); n > 0 {
			last := d.Attempts[n-1]
			outcome = fmt.Sprintf("%d in %d ms", last.Status, last.TookMs)
			if last.Problem != "" {
				outcome = last.Problem
			}
			if n > 1 {
				outcome = fmt.Sprintf("attempt %d: %s", n, outcome)
			}
		}
		state := string(d.State)
		if d.DueAt.After(now) {
			state += ", again " + ago(d.DueAt, now)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", d.At.Local().Format("2 Jan 15:04:05"), d.ID, d.Type, d.Record, state, outcome)
	}
	return table.Flush()
}

type resendWebhookCommand struct {
	ID       string `arg:""`
	Delivery string `arg:"" help:"Its id, from the log."`
}

func (c *resendWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error { return board.ResendDelivery(ctx, c.ID, c.Delivery) })
}

type testWebhookCommand struct {
	ID string `arg:""`
}

func (c *testWebhookCommand) Run(ctx context.Context, of *webhookCommand) error {
	return of.with(ctx, func(board *client.Client) error {
		d, err := board.TestWebhook(ctx, c.ID)
		if err != nil {
			return err
		}
		last := d.Attempts[len(d.Attempts)-1]
		if d.State != api.DeliveryStateSent {
			return fmt.Errorf("%s did not take it: %s", c.ID, last.Problem)
		}
		fmt.Printf("%s answered %d in %d ms\n", c.ID, last.Status, last.TookMs)
		return nil
	})
}
