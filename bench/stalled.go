//go:build linux

package main

import (
	"cmp"
	"fmt"
	"time"
)

const (
	stalledAmong = 100 // apps that read
	stalledMany  = 200 // that do not, to see what one takes
	stalledLoad  = 16  // changes under way
)

// stall connects apps that never read, with as little room in their sockets as there can be.
func (c *callboard) stall(apps int) (socks []*sock, err error) {
	for range apps {
		s, err := c.followWith(4096)
		if err != nil {
			return socks, err
		}
		socks = append(socks, s)
	}
	return socks, nil
}

// stalledOnce measures the others' rate without and with an app that does not read.
func stalledOnce(s server) (without, with sample, err error) {
	const length = 2 * time.Second
	f, err := newFan(s, stalledAmong)
	if err != nil {
		return without, with, err
	}
	defer f.loop.close()
	if warm := f.run(stalledLoad, length); warm.err != nil {
		return without, with, warm.err
	}
	without = f.run(stalledLoad, length)
	socks, err := s.(*callboard).stall(1)
	if err == nil {
		with = f.run(stalledLoad, length)
	}
	closeAll(socks)
	return without, with, cmp.Or(without.err, with.err, err)
}

func closeAll(socks []*sock) {
	for _, s := range socks {
		s.close()
	}
}

// held is how many KB one app that stalls takes in the server, its connection included.
func held(p peer) (out sample) {
	collector = tightCollector
	defer func() { collector = usualCollector }()
	out.err = measured(p, func(s server) error {
		f, err := newFan(s, stalledAmong)
		if err != nil {
			return err
		}
		defer f.loop.close()
		if warm := f.run(stalledLoad, 4*time.Second); warm.err != nil { // until the log in memory is full: it is not held for those that stall
			return warm.err
		}
		before := residentKB(s.pid())
		socks, err := s.(*callboard).stall(stalledMany)
		defer closeAll(socks)
		if err != nil {
			return err
		}
		loaded := f.run(stalledLoad, 2*time.Second)
		out.value, out.others = max(0.01, (residentKB(s.pid())-before)/stalledMany), loaded.others
		return loaded.err
	})
	return out
}

func stalled(o options) error {
	found := samples{}
	for range o.reps {
		for _, p := range []peer{callboardPeer, callboardOff} {
			var without, with sample
			err := measured(p, func(s server) (err error) {
				without, with, err = stalledOnce(s)
				return err
			})
			if err != nil {
				o.say("%s: %v", p.name, err)
				without.err, with.err = err, err
			}
			found[p.name+" held"] = append(found[p.name+" held"], held(p))
			found[p.name+" without"], found[p.name] = append(found[p.name+" without"], without), append(found[p.name], with)
		}
	}
	t := table{head: []string{"server", "deliveries/s without", "with, as a ratio", "goal", "p99 as a ratio", "KB held for one that stalls", "goal"}}
	for _, name := range []string{ourName, offName} {
		with, held := found.of(name, name+" without", rate), found.of(name+" held", "", value)
		t.row(name, found.of(name+" without", "", rate).String(), with.String(), with.goal(true, 0.97),
			found.of(name, name+" without", p99).String(), held.String(), held.goal(false, 64))
	}
	t.print(fmt.Sprintf("One app among %d never reads", stalledAmong))
	return nil
}
