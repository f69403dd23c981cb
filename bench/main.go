//go:build linux

package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// options are what is measured.
type options struct {
	reps  int
	only  int    // followers; 0: all sizes
	peers string // all, none, or names
}

// say tells how far it is.
func (o options) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (o options) sizes(all []int) []int {
	if o.only > 0 {
		return []int{o.only}
	}
	return all
}

// chosen are the limit, Callboard, and the others that were asked for.
func (o options) chosen(all []peer) []peer {
	return slices.DeleteFunc(slices.Clone(all), func(p peer) bool { return p.needs != "" && o.peers == "none" })
}

func namesOf(which []peer) []string {
	var names []string
	for _, p := range which {
		names = append(names, p.name)
	}
	return names
}

// checkPeers makes sure that a run does not leave a peer out unseen.
func (o options) checkPeers() error {
	var missing []string
	for _, p := range o.chosen(peers()) {
		if _, err := exec.LookPath(p.needs); p.needs != "" && err != nil && !slices.Contains(missing, p.needs) {
			missing = append(missing, p.needs)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s is not there to be measured beside: run bench/setup.sh, or PEERS=none for Callboard and the limit alone", strings.Join(missing, " and "))
	}
	return nil
}

var benchmarks = []struct {
	name string
	run  func(options) error
}{
	{"fanout", fanout}, {"hops", hops}, {"claims", claims}, {"stalled", stalled}, {"house", house}, {"growth", growth},
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "limit" {
		runLimit()
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	which := flag.String("b", "all", "benchmarks: fanout, hops, claims, stalled, house, growth; separated by commas")
	flag.IntVar(&o.only, "n", 0, "apps: this number only")
	flag.IntVar(&o.reps, "reps", 3, "repetitions")
	flag.StringVar(&o.peers, "peers", "all", "all or none")
	disk := flag.String("dir", "", "folder for what is durable; a folder of the system where empty")
	flag.Parse()
	if err := o.checkPeers(); err != nil {
		return err
	}
	if err := raiseFileLimit(); err != nil {
		return err
	}
	var err error
	if scratch, err = os.MkdirTemp(*disk, "callboard-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if scratch, err = filepath.Abs(scratch); err != nil {
		return err
	}
	if err := build(); err != nil {
		return fmt.Errorf("build Callboard: %w", err)
	}
	runtime.LockOSThread()
	asked := strings.Split(*which, ",")
	ran := 0
	for _, b := range benchmarks {
		if *which == "all" || slices.Contains(asked, b.name) {
			ran++
			if err := b.run(o); err != nil {
				return fmt.Errorf("%s: %w", b.name, err)
			}
		}
	}
	if ran == 0 {
		return fmt.Errorf("there is no benchmark %q", *which)
	}
	return nil
}
