package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

type dialCommand struct {
	Which     which  `embed:""`
	Number    string `arg:"" help:"As you would dial it, or with + and its country code."`
	Extension string `help:"Whose phone rings. Default: the line's first." placeholder:"NUMBER"`
}

func (c *dialCommand) Run(ctx context.Context) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	record, err := board.Dial(ctx, c.Number, client.Extension(c.Extension))
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Your phone rings: pick it up, and it calls %s. `%s hangup` gives up.\n", c.Number, self())
	fmt.Println(record)
	return nil
}

type hangupCommand struct {
	Which  which  `embed:""`
	Record string `arg:"" optional:"" help:"The call's record. Default: the newest call."`
}

func (c *hangupCommand) Run(ctx context.Context) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	r, err := c.record(ctx, board)
	if err != nil {
		return err
	}
	if err := board.Hangup(ctx, r.ID); err != nil {
		return err
	}
	did := "Hung up"
	if r.HasCall() && r.Call.State == api.CallStateRinging && r.Call.Direction == api.DirectionInbound {
		did = "Rejected"
	}
	who := strings.TrimSpace(r.Value("party.name") + " " + cmp.Or(r.Value("party.number"), r.Value("party.number_raw")))
	fmt.Printf("%s: %s (%s)\n", did, cmp.Or(who, "the call"), r.ID)
	return nil
}

func (c *hangupCommand) record(ctx context.Context, board *client.Client) (*client.Record, error) {
	if c.Record == "" {
		return newestCall(ctx, board)
	}
	return board.Record(ctx, c.Record, false)
}

// newestCall is the record of the newest call that is live.
func newestCall(ctx context.Context, board *client.Client) (*client.Record, error) {
	records, err := board.Records(ctx, client.Open)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.HasCall() && r.Call.State != api.CallStateEnded {
			return r, nil
		}
	}
	return nil, errors.New("there is no call just now")
}
