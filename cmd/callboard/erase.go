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
	Verify  string   `help:"Look again what is left of that person since this erasure; erase nothing." placeholder:"PROOF"`
	Code    string   `help:"With --verify: the code that the erasure gave shows that the proof is of this person." placeholder:"CODE"`
	Yes     bool     `help:"Do not ask."`
}

func (c *eraseCommand) Run(ctx context.Context) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	if c.Verify != "" {
		return c.verify(ctx, board)
	}
	who := api.NewErasure{Numbers: c.Numbers, Words: c.Name, Records: c.Record, DryRun: true}
	would, err := board.Erase(ctx, who)
	if err != nil {
		return err
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
		return err
	}
	code := done.Code // it is told once
	if done, err = untilDone(ctx, board, done); err != nil {
		return err
	}
	fmt.Printf("Erased: %s\n%sThe proof is %s: nothing of that person is in Callboard since %s. Backups and your other systems are yours to see to.\n",
		goes(done), searched(done), done.ID, done.DoneAt.Local().Format(time.DateTime))
	fmt.Printf("Its code is %s: keep it with the proof, for Callboard does not. `%s erase --verify %s --code ...` with the same numbers and words shows that the proof is of them, and what is left.\n",
		code, self(), done.ID)
	return nil
}

// verify looks again. What is left is an error, so that a script can tell.
func (c *eraseCommand) verify(ctx context.Context, board *client.Client) error {
	v, err := board.VerifyErasure(ctx, c.Verify, api.NewVerification{Numbers: c.Numbers, Words: c.Name, Records: c.Record, Code: c.Code})
	if err != nil {
		return err
	}
	fmt.Printf("%s%s", searched(v.Left), holds(v.Erasure))
	switch {
	case v.OfThisPerson:
		fmt.Println("The proof is of exactly these numbers, words and records.")
	case c.Code != "":
		return fmt.Errorf("the proof %s is not of these numbers, words and records, or that is not its code", c.Verify)
	}
	if found := v.Left; len(found.Records)+len(found.Mentioned)+found.Claims+found.Items+found.Changes+found.Answers+found.Deliveries+found.Picks > 0 {
		return fmt.Errorf("there is something of that person: %s If they have called since, erase again", goes(found))
	}
	if v.InFile {
		return errors.New("no record says anything of that person, but one of the words or numbers is in the bytes of the database: erase again, which cleans it")
	}
	fmt.Println("Nothing of that person is there.")
	return nil
}

// holds says since when an erasure does.
func holds(e api.Erasure) string {
	if e.DoneAt.IsZero() {
		return "The erasure is not done yet.\n"
	}
	return fmt.Sprintf("The erasure was asked for at %s and holds since %s.\n", e.AskedAt.Local().Format(time.DateTime), e.DoneAt.Local().Format(time.DateTime))
}

// searched says what was looked through.
func searched(e api.Erasure) string {
	s := e.Searched
	if s == nil {
		return ""
	}
	return fmt.Sprintf("Searched: %d records, %d changes in the log, %d answers, %d deliveries, %d picks.\n", s.Records, s.Changes, s.Answers, s.Deliveries, s.Picks)
}

// goes says what an erasure is of.
func goes(e api.Erasure) string {
	return fmt.Sprintf("%d of their records, %d claims, %d notes and other items, what %d other records say of them, %d changes in the log, %d answers, %d deliveries, %d picks.",
		len(e.Records), e.Claims, e.Items, len(e.Mentioned), e.Changes, e.Answers, e.Deliveries, e.Picks)
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
