package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

type dialCommand struct {
	Number    string `arg:"" help:"As you would dial it, or with + and its country code."`
	Extension string `help:"Whose phone rings. Default: the line's first." placeholder:"NUMBER"`
}

func (c *dialCommand) Run(ctx context.Context) error {
	board, _, err := connectHere(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	record, err := board.Dial(ctx, c.Number, client.Extension(c.Extension))
	if err != nil {
		return plain(err)
	}
	fmt.Fprintf(os.Stderr, "Your phone rings: pick it up, and it calls %s. `%s hangup` gives up.\n", c.Number, self())
	fmt.Println(record)
	return nil
}

type hangupCommand struct {
	Record string `arg:"" optional:"" help:"The call's record. Default: the newest call."`
}

func (c *hangupCommand) Run(ctx context.Context) error {
	board, _, err := connectHere(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	if c.Record == "" {
		if c.Record, err = newestCall(ctx, board); err != nil {
			return err
		}
	}
	return plain(board.Hangup(ctx, c.Record))
}

// newestCall is the record of the newest call that is live.
func newestCall(ctx context.Context, board *client.Client) (string, error) {
	records, err := board.Records(ctx, client.Open)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		if r.HasCall() && r.Call.State != api.CallStateEnded {
			return r.ID, nil
		}
	}
	return "", errors.New("there is no call just now")
}

// plain is a refusal as a sentence for the terminal, without its code.
func plain(err error) error {
	if p, ok := errors.AsType[*client.Problem](err); ok && p.Detail != "" {
		return fmt.Errorf("%s: %s", p.Detail, p.Remedy)
	}
	return err
}
