package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
)

type eraseCommand struct {
	Which   which    `embed:""`
	Numbers []string `arg:"" optional:"" help:"The person's numbers, in any usual format."`
	Name    []string `help:"A full name or an e-mail address: whatever mentions it goes." placeholder:"TEXT"`
	Record  []string `help:"A record of that person, by its id." placeholder:"ID"`
	DryRun  bool     `help:"Only say what would go."`
	Yes     bool     `help:"Do not ask."`
}

func (c *eraseCommand) Run(ctx context.Context) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	who := api.NewErasure{Numbers: c.Numbers, Words: c.Name, Records: c.Record, DryRun: true}
	would, err := board.Erase(ctx, who)
	if err != nil {
		return plain(err)
	}
	fmt.Println("Would go: " + goes(would))
	if c.DryRun {
		return nil
	}
	if !c.Yes {
		if err := sure("This cannot be undone. Type yes to erase: ", "nothing was erased"); err != nil {
			return err
		}
	}
	who.DryRun = false
	done, err := board.Erase(ctx, who)
	if err != nil {
		return plain(err)
	}
	if done, err = untilDone(ctx, board, done); err != nil {
		return plain(err)
	}
	fmt.Printf("Erased: %s\nThe proof is %s: nothing of that person is in Callboard since %s. Backups and your other systems are yours to see to.\n",
		goes(done), done.ID, done.DoneAt.Local().Format(time.DateTime))
	return nil
}

// goes says what an erasure is of.
func goes(e api.Erasure) string {
	return fmt.Sprintf("%d of their records, %d claims, %d notes and other items, what %d other records say of them, %d changes in the log, %d answers.",
		len(e.Records), e.Claims, e.Items, len(e.Mentioned), e.Changes, e.Answers)
}

// sure asks at the terminal; otherwise is what holds without a yes.
func sure(question, otherwise string) error {
	if !terminal(os.Stdin) {
		return errors.New(otherwise + ": there is nobody to ask; say --yes to do it without being asked")
	}
	fmt.Print(question)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "yes" {
		return errors.New(otherwise)
	}
	return nil
}

// untilDone waits until the erasure of a large database holds.
func untilDone(ctx context.Context, board *client.Client, e api.Erasure) (api.Erasure, error) {
	for e.DoneAt.IsZero() {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return e, fmt.Errorf("it is begun and goes on by itself: its proof is %s", e.ID)
		}
		next, err := board.Erasure(ctx, e.ID)
		if err != nil {
			return e, err
		}
		e = next
	}
	return e, nil
}
