//go:build linux

package main

import (
	"fmt"
	"runtime/debug"
	"time"
)

// trio is A, who writes, B, who is told and writes, and C, who is told that and writes; then A is told.
type trio struct {
	*loop
	apps  [3]hop
	trip  int
	began time.Time
	done  int
	times *histogram
	now   time.Time
}

func newTrio(s server) (*trio, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	t := &trio{loop: l, times: &histogram{}}
	for i := range t.apps {
		h, err := s.hop(i)
		if err != nil {
			return nil, err
		}
		h.in.role, h.out.role = i, i
		t.apps[i] = h
		if err := l.add(h.in); err != nil {
			return nil, err
		}
		if h.out != h.in {
			if err := l.add(h.out); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// write is what an app says.
func (t *trio) write(i int, message []byte, n int) error {
	out := t.apps[i].out
	out.out = t.apps[i].answer(out.out, message, n)
	return t.send(out)
}

func (t *trio) start() error {
	t.trip++
	t.began = time.Now()
	return t.write(0, nil, t.trip)
}

func (t *trio) got(s *sock, data []byte) error {
	h := t.apps[s.role]
	if err := refused(data); err != nil {
		return err
	}
	if s != h.in {
		return nil
	}
	if !h.framed {
		return t.message(s, data)
	}
	var err error
	s.in = append(s.in, data...)
	rest := eachFrame(s.in, func(message []byte) {
		if err == nil {
			err = t.message(s, message)
		}
	})
	s.in, s.kept = s.in[:copy(s.in, rest)], s.kept[:0]
	return err
}

// message is told to an app. A record may bear marks of earlier trips beside.
func (t *trio) message(s *sock, message []byte) error {
	mine := false
	s.marks(message, func(n int) { mine = mine || n == t.trip })
	switch {
	case !mine:
		return nil
	case s.role != 0:
		return t.write(s.role, message, t.trip)
	}
	t.times.add(time.Since(t.began))
	t.done++
	return t.start()
}

func (t *trio) run(pid int, length time.Duration) sample {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if err := t.start(); err != nil {
		return sample{err: err}
	}
	if err := t.until(time.Now().Add(length/4), &t.done, t.got); err != nil {
		return sample{err: err}
	}
	t.done, t.times = 0, &histogram{}
	used := watchUsage(pid)
	err := t.until(time.Now().Add(length), &t.done, t.got)
	passed, server, others := used.end()
	out := sample{rate: float64(t.done) / passed.Seconds(), cpu: float64(server.Microseconds()) / float64(t.done), others: others, err: err}
	t.times.into(&out)
	return out
}

func hops(o options) error {
	var which []peer
	for _, p := range o.chosen(peers()) {
		if p.name != sseName {
			which = append(which, p)
		}
	}
	const length = 1500 * time.Millisecond
	found, group := samples{}, samples{}
	for range o.reps {
		for _, p := range which {
			var got sample
			err := measured(p, func(s server) error {
				t, err := newTrio(s)
				if err != nil {
					return err
				}
				defer t.loop.close()
				got = t.run(s.pid(), length)
				return got.err
			})
			if err != nil {
				o.say("%s: %v", p.name, err)
				got.err = err
			}
			found[p.name] = append(found[p.name], got)
		}
		s, err := measureSQLite(1, length/3)
		if err != nil {
			return err
		}
		group["commit"] = append(group["commit"], s)
	}
	t := table{head: []string{"server", "p50 us", "p99 us", "CPU us a trip", "p50 / limit", "CPU / limit", "goal"}}
	for _, p := range which {
		ratio := found.of(p.name, limitName, cpu)
		goal := ""
		switch p.name {
		case offName:
			goal = "CPU " + ratio.goal(false, 1.5)
		case ourName:
			goal = withCommits(found, group)
		}
		t.row(p.name, found.of(p.name, "", p50).String(), found.of(p.name, "", p99).String(), found.of(p.name, "", cpu).String(),
			found.of(p.name, limitName, p50).String(), ratio.String(), goal)
	}
	t.print("Three hops: A writes, B is told and writes, C is told and writes, A is told")
	fmt.Printf("\nA group commit of one row, SQLite alone: p50 %s us, CPU %s us.\n", group.of("commit", "", p50), group.of("commit", "", cpu))
	return nil
}

// withCommits compares the median trip with the limit's and three commits.
func withCommits(found, group samples) string {
	s := found.of(ourName, "", p50)
	return fmt.Sprintf("p50 %s", s.goal(false, roundUp(found.of(limitName, "", p50).median()+3*group.of("commit", "", p50).median())))
}

func roundUp(us float64) float64 { return float64(int(us) + 1) }
