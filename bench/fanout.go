//go:build linux

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

// fan publishes changes to followers, at most so many under way, and counts what arrives.
type fan struct {
	*loop
	from      server
	pub       *sock
	followers int
	window    int
	next      int         // number of the change that is sent next
	oldest    int         // that has not reached all
	left      []int       // followers that do not have it yet, by change modulo window
	at        []time.Time // when it was sent
	delivered int
	latency   *histogram
	now       time.Time
}

const (
	followerRole = iota
	writerRole
)

// newFan connects a writer and so many followers.
func newFan(s server, followers int) (*fan, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	f := &fan{loop: l, from: s, latency: &histogram{}}
	if f.pub, err = s.writer(); err != nil {
		return nil, err
	}
	f.pub.role = writerRole
	if err := l.add(f.pub); err != nil {
		return nil, err
	}
	for f.followers < followers {
		s, err := f.from.follow()
		if err != nil {
			return nil, fmt.Errorf("follower %d: %w", f.followers+1, err)
		}
		if err := f.add(s); err != nil {
			return nil, err
		}
		f.followers++
	}
	return f, nil
}

// run publishes for about so long, after as long a time to warm up as a quarter of it.
func (f *fan) run(window int, length time.Duration) sample {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	f.window, f.left, f.at = window, make([]int, window), make([]time.Time, window)
	f.oldest = f.next
	if err := f.until(time.Now().Add(length/4), 2); err != nil {
		return sample{err: err}
	}
	f.delivered, f.latency = 0, &histogram{}
	used := watchUsage(f.from.pid())
	err := f.until(time.Now().Add(length), 3)
	passed, server, others := used.end()
	out := sample{rate: float64(f.delivered) / passed.Seconds(), cpu: float64(server.Microseconds()) / float64(f.delivered), others: others, err: err}
	f.latency.into(&out)
	if err == nil {
		out.err = f.settle()
	}
	return out
}

// until publishes until a time has come and at least so many changes have reached all.
func (f *fan) until(end time.Time, changes int) error {
	least := f.oldest + changes
	moved, was := time.Now(), f.delivered
	for f.now = time.Now(); f.now.Before(end) || f.oldest < least; {
		for f.next < f.oldest+f.window {
			f.left[f.next%f.window], f.at[f.next%f.window] = f.followers, f.now
			f.pub.out = f.from.change(f.pub.out, f.next)
			f.next++
		}
		if err := cmp.Or(f.send(f.pub), f.turn(1000, f.got)); err != nil {
			return err
		}
		f.now = time.Now()
		if f.delivered != was {
			moved, was = f.now, f.delivered
		}
		if f.now.Sub(moved) > stuckAfter {
			return errLost
		}
	}
	return nil
}

// settle waits for what is under way.
func (f *fan) settle() error {
	for end := time.Now().Add(patience * time.Second); f.oldest < f.next; {
		if time.Now().After(end) {
			return errLost
		}
		if err := f.turn(1000, f.got); err != nil {
			return err
		}
	}
	return nil
}

func (f *fan) got(s *sock, data []byte) error {
	if s.role == writerRole {
		return refused(data)
	}
	now := time.Now()
	s.marks(data, func(n int) {
		if n < f.oldest || n >= f.next {
			return
		}
		at := n % f.window
		f.left[at]--
		f.delivered++
		f.latency.add(now.Sub(f.at[at]))
		for f.oldest < f.next && f.left[f.oldest%f.window] == 0 {
			f.oldest++
		}
	})
	return nil
}

// fanoutTime is how long one cell of the table is measured.
const fanoutTime = 800 * time.Millisecond

var fanoutSizes = []int{1, 10, 100, 1000, 5000}

// underLoad is how many changes are under way at once, beside one.
func underLoad(followers int) int {
	if followers >= 1000 {
		return 16
	}
	return 64
}

// fanouts is what the fan-out found: by number of followers, one change at a time and under load.
type fanouts struct{ single, loaded map[int]samples }

func measureFanout(o options, which []peer, sizes []int) (fanouts, error) {
	found := fanouts{map[int]samples{}, map[int]samples{}}
	for _, n := range sizes {
		found.single[n], found.loaded[n] = samples{}, samples{}
		for range o.reps {
			for _, p := range which {
				if p.most > 0 && n > p.most {
					continue
				}
				var one, many sample
				err := measured(p, func(s server) error {
					f, err := newFan(s, n)
					if err != nil {
						return err
					}
					defer f.loop.close()
					if one = f.run(1, fanoutTime); one.err == nil && !p.merge {
						many = f.run(underLoad(n), fanoutTime)
					}
					return cmp.Or(one.err, many.err)
				})
				if err != nil {
					o.say("%s, %d followers: %v", p.name, n, err)
					one.err, many.err = cmp.Or(one.err, err), err
				}
				found.single[n][p.name] = append(found.single[n][p.name], one)
				if !p.merge {
					found.loaded[n][p.name] = append(found.loaded[n][p.name], many)
				}
			}
		}
		o.say("fan-out to %d: done", n)
	}
	return found, nil
}

func fanout(o options) error {
	which := o.chosen(peers())
	found, err := measureFanout(o, which, o.sizes(fanoutSizes))
	if err != nil {
		return err
	}
	names := namesOf(which)
	for _, load := range []struct {
		title string
		cells map[int]samples
	}{{"one change at a time", found.single}, {"64 under way (16 from 1,000)", found.loaded}} {
		ratios("Fan-out, "+load.title+": deliveries/s, ratio to the limit (more is better)", load.cells, names, rate)
		ratios("Fan-out, "+load.title+": server CPU us per delivery, ratio to the limit (less is better)", load.cells, names, cpu)
		ratios("Fan-out, "+load.title+": p50 us, ratio to the limit (less is better)", load.cells, names, p50)
		tails("Fan-out, "+load.title+": p50 / p99 / p99.9 in us, of the best repetition", load.cells, names)
	}
	fanoutGoals(found, names)
	return nil
}

func sortedSizes(cells map[int]samples) []int {
	var sizes []int
	for n := range cells {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return sizes
}

// ratios is a table by followers and server: the limit's own figure, and what the others have of it.
func ratios(title string, cells map[int]samples, names []string, figure func(sample) float64) {
	t := table{head: append([]string{"apps"}, names...)}
	for _, n := range sortedSizes(cells) {
		row := []string{fmt.Sprint(n), cells[n].of(limitName, "", figure).String()}
		for _, name := range names[1:] {
			row = append(row, cells[n].of(name, limitName, figure).String())
		}
		t.row(row...)
	}
	t.print(title)
}

func tails(title string, cells map[int]samples, names []string) {
	t := table{head: append([]string{"apps"}, names...)}
	for _, n := range sortedSizes(cells) {
		row := []string{fmt.Sprint(n)}
		for _, name := range names {
			var best []string
			for _, figure := range []func(sample) float64{p50, p99, p999} {
				s := cells[n].of(name, "", figure)
				if len(s.all) > 0 {
					best = append(best, short(s.all[0]))
				}
			}
			cell := "-"
			if len(best) == 3 {
				cell = best[0] + " / " + best[1] + " / " + best[2]
			}
			row = append(row, cell)
		}
		t.row(row...)
	}
	t.print(title)
}

func fanoutGoals(found fanouts, names []string) {
	t := table{head: []string{"apps", "what", "Callboard to", "ratio", "goal"}}
	for _, n := range sortedSizes(found.single) {
		one, many := found.single[n], found.loaded[n]
		if n >= 1000 {
			for _, name := range []string{ourName, offName} {
				for _, g := range []struct {
					what   string
					m      samples
					figure func(sample) float64
					least  bool
					want   float64
				}{
					{"deliveries/s, one at a time", one, rate, true, 0.9}, {"deliveries/s, under load", many, rate, true, 0.7},
					{"CPU, one at a time", one, cpu, false, 1.3}, {"CPU, under load", many, cpu, false, 2},
				} {
					s := g.m.of(name, limitName, g.figure)
					t.row(fmt.Sprint(n), g.what+without(name), limitName, s.String(), s.goal(g.least, g.want))
				}
			}
			for i, m := range []samples{one, many} {
				s := m.of(sseName, ourName, rate)
				t.row(fmt.Sprint(n), "SSE deliveries/s, "+[]string{"one at a time", "under load"}[i], "our WebSocket", s.String(), s.goal(true, 0.8))
			}
		}
		for _, name := range names {
			if name == limitName || name == ourName || name == offName || name == sseName {
				continue
			}
			t.row(fmt.Sprint(n), "deliveries/s, one at a time", name, one.of(ourName, name, rate).String(), "")
			t.row(fmt.Sprint(n), "deliveries/s, under load", name, many.of(ourName, name, rate).String(), "")
		}
	}
	t.print("Fan-out: Callboard beside the limit and its peers")
}

func without(name string) string {
	if name == offName {
		return " (no commits)"
	}
	return ""
}

// refused is an error where a server has said no to a writer.
func refused(data []byte) error {
	for _, sign := range []string{`"type":"problem"`, "-ERR", "-NOSCRIPT"} {
		if bytes.Contains(data, []byte(sign)) {
			return fmt.Errorf("refused: %.300s", data)
		}
	}
	return nil
}
