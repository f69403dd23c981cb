// Command lab is the PBX lab for hand use: "lab install" puts Asterisk into the cache, "lab up" starts it
// with phones and prints what there is. See docs/lab.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/callboard-dev/callboard/lab"
)

const usage = `lab install       puts Asterisk 22 into the cache (once; needs root or sudo, and the network)
lab up [flags]    starts Asterisk with phones and runs until Ctrl-C; "lab up -h" lists the flags
lab record [-only NAME,...] DIR
                  plays all that an office does with its telephones, each flow in a lab of its own, and writes
                  into DIR what a manager connection received meanwhile and what the phones did
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "install":
		return lab.Install(ctx, out)
	case "up":
		o, err := upFlags(args)
		if err != nil {
			return err
		}
		return up(ctx, o, in, out)
	case "record":
		return record(ctx, args, out)
	}
	fmt.Fprint(out, usage)
	if command == "" || command == "help" || command == "-h" {
		return nil
	}
	return fmt.Errorf("lab: no command %q", command)
}

// upOptions are the flags of "lab up".
type upOptions struct {
	net         string
	desks       []string
	answerAfter time.Duration
	ringEvery   time.Duration
	ring        string
}

func upFlags(args []string) (upOptions, error) {
	var o upOptions
	var desks string
	f := flag.NewFlagSet("lab up", flag.ContinueOnError)
	f.StringVar(&o.net, "net", "127.22.0", "first three bytes of the lab's loopback network")
	f.StringVar(&desks, "desks", "1001,1002", "desk phones that the lab plays itself; the others are free for your own SIP phone")
	f.DurationVar(&o.answerAfter, "answer-after", 0, "let the lab's desks answer by themselves after this time (0: on the command \"answer\")")
	f.DurationVar(&o.ringEvery, "ring-every", 0, "let an outside caller ring this often (0: on the command \"call\")")
	f.StringVar(&o.ring, "ring", "5550101", "the number that -ring-every calls")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("lab up: %q is too much; flags only", f.Arg(0))
	}
	for _, d := range strings.Split(desks, ",") {
		if d = strings.TrimSpace(d); d != "" {
			o.desks = append(o.desks, d)
		}
	}
	return o, nil
}
