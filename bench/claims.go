//go:build linux

package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"time"
)

const (
	writers      = 8
	claimRecords = 512
)

// pipeline keeps so many claims under way on each connection.
type pipeline struct {
	*loop
	to       claimer
	inFlight int
	records  int
	next     int
	answered int
	at       []time.Time // by number of the claim, modulo its size
	times    *histogram
}

func newPipeline(to claimer, records int) (*pipeline, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	p := &pipeline{loop: l, to: to, records: records, times: &histogram{}, at: make([]time.Time, 1<<16)}
	for range writers {
		s, err := to.claims()
		if err != nil {
			return nil, err
		}
		if err := l.add(s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *pipeline) write(s *sock, claims int) error {
	now := time.Now()
	for range claims {
		p.at[p.next%len(p.at)] = now
		s.out = p.to.claim(s.out, p.next*7919%p.records, p.next) // 7919 is a prime: all records in turn, not neighbours
		p.next++
	}
	return p.send(s)
}

func (p *pipeline) got(s *sock, data []byte) error {
	if err := refused(data); err != nil {
		return err
	}
	now, done := time.Now(), 0
	s.marks(data, func(n int) {
		p.times.add(now.Sub(p.at[n%len(p.at)]))
		done++
	})
	p.answered += done
	return p.write(s, done)
}

func (p *pipeline) run(inFlight int, length time.Duration) sample {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, s := range p.socks {
		if err := p.write(s, inFlight-p.inFlight); err != nil {
			return sample{err: err}
		}
	}
	p.inFlight = inFlight
	if err := p.until(time.Now().Add(length/4), &p.answered, p.got); err != nil {
		return sample{err: err}
	}
	p.answered, p.times = 0, &histogram{}
	used := watchUsage(p.to.pid())
	err := p.until(time.Now().Add(length), &p.answered, p.got)
	passed, server, others := used.end()
	out := sample{rate: float64(p.answered) / passed.Seconds(), cpu: float64(server.Microseconds()) / float64(p.answered), others: others, err: err}
	p.times.into(&out)
	return out
}

// measureClaims writes to records that are there, with one and with 32 under way on each connection.
func measureClaims(s server, records int, length time.Duration) (one, many sample) {
	if c, ok := s.(*callboard); ok {
		if err := c.open(records); err != nil {
			return sample{err: err}, sample{err: err}
		}
	}
	p, err := newPipeline(s.(claimer), records)
	if err != nil {
		return sample{err: err}, sample{err: err}
	}
	defer p.loop.close()
	one = p.run(1, length)
	if one.err != nil {
		return one, one
	}
	return one, p.run(32, length)
}

const (
	sqliteName = "SQLite alone"
	sqliteFull = "SQLite alone, all in one commit"
)

// sqliteGroups are sizes of a commit for so many claims in flight. Of writers that wait for their answers about half are in a
// commit: those that it answers write again while the next is under way.
func sqliteGroups(inFlight int) map[string]int {
	return map[string]int{sqliteName: inFlight / 2, sqliteFull: inFlight}
}

func claims(o options) error {
	const length = time.Second
	which := o.chosen([]peer{limitDurable, callboardPeer, callboardOff, redisAlways, limitPeer})
	one, many := samples{}, samples{}
	for range o.reps {
		for _, p := range which {
			var a, b sample
			if err := measured(p, func(s server) error {
				a, b = measureClaims(s, claimRecords, length)
				return cmp.Or(a.err, b.err)
			}); err != nil {
				o.say("%s: %v", p.name, err)
				a.err, b.err = cmp.Or(a.err, err), err
			}
			one[p.name], many[p.name] = append(one[p.name], a), append(many[p.name], b)
		}
		for inFlight, m := range map[int]samples{writers: one, writers * 32: many} {
			for name, group := range sqliteGroups(inFlight) {
				s, err := measureSQLite(group, length)
				if err != nil {
					return err
				}
				m[name] = append(m[name], s)
			}
		}
	}
	names := append(namesOf(which), sqliteName, sqliteFull)
	for i, m := range []samples{one, many} {
		t := table{head: []string{"store", "claims/s", "p50 us", "p99 us", "CPU us a claim", "claims/s to SQLite alone", "to the durable limit", "goal"}}
		for _, name := range names {
			ratio := m.of(name, sqliteName, rate)
			goal := ""
			if name == ourName {
				goal = ratio.goal(true, 0.7)
			}
			t.row(name, m.of(name, "", rate).String(), m.of(name, "", p50).String(), m.of(name, "", p99).String(), m.of(name, "", cpu).String(),
				ratio.String(), m.of(name, limitDurable.name, rate).String(), goal)
		}
		inFlight := []int{1, 32}[i]
		t.print(fmt.Sprintf("Claims from %d connections, %d in flight on each; SQLite alone with %d a commit", writers, inFlight, writers*inFlight/2))
	}
	return nil
}
