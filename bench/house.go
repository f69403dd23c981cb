//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

const storedCalls = 10_000

// rest is how long a server is left alone before its memory is read, and while its idle time is.
const rest = 2 * time.Second

// idle is a server at rest: ms of processor a second, KB resident, and KB for each of so many apps.
type idle struct{ cpu, resident, perApp sample }

func measureIdle(p peer, apps int) (out idle) {
	err := measured(p, func(s server) error {
		time.Sleep(rest) // until what the start has left is cleared away
		used := watchUsage(s.pid())
		time.Sleep(rest)
		passed, spent, others := used.end()
		out.cpu = sample{value: max(0.01, float64(spent.Microseconds())/1e3/passed.Seconds()), others: others}
		out.resident = sample{value: residentKB(s.pid()) / 1024}
		l, err := newLoop()
		if err != nil {
			return err
		}
		defer l.close()
		var before float64
		const warm = 100 // apps before one counts: what the first ones bring is not theirs
		for i := range warm + apps {
			f, err := s.follow()
			if err != nil {
				return err
			}
			if err := l.add(f); err != nil {
				return err
			}
			if i == warm-1 {
				before = residentKB(s.pid())
			}
		}
		time.Sleep(rest / 2)
		out.perApp = sample{value: (residentKB(s.pid()) - before) / float64(apps)}
		return nil
	})
	if err != nil {
		out.cpu.err, out.resident.err, out.perApp.err = err, err, err
	}
	return out
}

func house(o options) error {
	if err := starts(o); err != nil {
		return err
	}
	idleApps(o)
	return nil
}

func idleApps(o options) {
	which := o.chosen([]peer{limitPeer, callboardPeer, callboardSSE, redisPeer, natsPeer})
	sizes := o.sizes([]int{1000, 5000})
	cpus, residents, perApp := samples{}, samples{}, map[int]samples{}
	for _, n := range sizes {
		perApp[n] = samples{}
		for range o.reps {
			for _, p := range which {
				got := measureIdle(p, n)
				if got.cpu.err != nil {
					o.say("%s, %d idle: %v", p.name, n, got.cpu.err)
				}
				perApp[n][p.name] = append(perApp[n][p.name], got.perApp)
				if n == sizes[0] {
					cpus[p.name], residents[p.name] = append(cpus[p.name], got.cpu), append(residents[p.name], got.resident)
				}
			}
		}
	}
	t := table{head: []string{"server", "idle CPU, ms/s", "RSS empty, MB"}}
	for _, n := range sizes {
		t.head = append(t.head, fmt.Sprintf("KB per idle app, %d", n))
	}
	t.head = append(t.head, "goal")
	for _, p := range which {
		row := []string{p.name, cpus.of(p.name, "", value).String(), residents.of(p.name, "", value).String()}
		goal := ""
		for _, n := range sizes {
			s := perApp[n].of(p.name, "", value)
			row = append(row, s.String())
			if p.name == ourName {
				goal = "KB per app " + s.goal(false, 12)
			}
		}
		t.row(append(row, goal)...)
	}
	t.print("At rest")
}

// starts measures from the start of the program to the first subscription, empty and with calls of days before.
func starts(o options) error {
	call, err := closedCall()
	if err != nil {
		return err
	}
	full, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return err
	}
	defer os.RemoveAll(full)
	if _, err := call.copies(full, storedCalls); err != nil {
		return err
	}
	found := samples{}
	for range max(3, o.reps) {
		empty, err := os.MkdirTemp(scratch, "")
		if err != nil {
			return err
		}
		for _, kind := range []struct{ name, folder string }{{"an empty folder", empty}, {"again", empty}, {"stored calls", full}} {
			took, err := ready(kind.folder)
			if err != nil {
				return err
			}
			found[kind.name] = append(found[kind.name], sample{value: float64(took.Microseconds()) / 1e3})
		}
		os.RemoveAll(empty)
	}
	t := table{head: []string{"what", "ms from start to first subscription", "goal"}}
	t.row("the first time", found.of("an empty folder", "", value).String(), "")
	t.row("an empty board", found.of("again", "", value).String(), "")
	s := found.of("stored calls", "", value)
	t.row(fmt.Sprintf("%d stored calls", storedCalls), s.String(), s.goal(false, 100))
	t.print("Start")
	binary, err := os.Stat(program)
	if err != nil {
		return err
	}
	fmt.Printf("\nThe program, stripped: %.1f MB (%s/%s).\n", float64(binary.Size())/(1<<20), runtime.GOOS, runtime.GOARCH)
	return perRecord()
}

// perRecord asks the board's own test what a record of thirty fields takes.
func perRecord() error {
	cmd := exec.Command("go", "test", "-run", "^TestMemoryPerRecord$", "-count=1", "-v", "github.com/callboard-dev/callboard/internal/board")
	out, err := cmd.CombinedOutput()
	fmt.Printf("\n```\n%s```\n", out)
	return err
}
