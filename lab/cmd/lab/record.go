package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/office"
)

// record plays flows, some beside each other, and writes what was received.
func record(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("lab record", flag.ContinueOnError)
	only := f.String("only", "", "flows to record, by name or number, separated by commas; empty: all")
	beside := f.Int("parallel", 3, "how many flows are played at a time")
	list := f.Bool("list", false, "list the flows and record nothing")
	if err := f.Parse(args); err != nil {
		return err
	}
	flows, err := chosen(*only)
	if err != nil {
		return err
	}
	if *list {
		for _, flow := range flows {
			fmt.Fprintf(out, "%s\n    %s\n", flow.Name, flow.Story)
		}
		return nil
	}
	if f.NArg() != 1 || *beside < 1 {
		return errors.New("lab record: say one folder to write into, as in: lab record /tmp/traces")
	}
	folder := f.Arg(0)
	if err := errors.Join(os.MkdirAll(folder, 0o755), lab.Install(ctx, out)); err != nil {
		return err
	}
	var mu sync.Mutex // guards failures and out
	var failures []error
	var wg sync.WaitGroup
	places := make(chan struct{}, *beside)
	for _, flow := range flows {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			begun := time.Now()
			err := office.Record(ctx, flow, folder)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures = append(failures, err)
				fmt.Fprintf(out, "%s failed\n", flow.Name)
				return
			}
			fmt.Fprintf(out, "%s %.1f s\n", flow.Name, time.Since(begun).Seconds())
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}

func chosen(only string) ([]office.Flow, error) {
	if only == "" {
		return office.Flows, nil
	}
	var flows []office.Flow
	for name := range strings.SplitSeq(only, ",") {
		flow, ok := office.Find(strings.TrimSpace(name))
		if !ok {
			return nil, fmt.Errorf("lab record: no flow %q; -list names them", name)
		}
		flows = append(flows, flow)
	}
	return flows, nil
}
