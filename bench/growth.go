//go:build linux

package main

import (
	"fmt"
	"os"
	"time"
)

var growthRecords = []int{1, 100, 10_000, 100_000}

// onRecords measures a Callboard with so many open records: claims on all of them, and a change told to ten apps.
func onRecords(lookup *stored, n int) (claim, told, start sample, err error) {
	folder, err := os.MkdirTemp(scratch, "")
	if err != nil {
		return claim, told, start, err
	}
	defer os.RemoveAll(folder)
	ids, err := lookup.copies(folder, n)
	if err != nil {
		return claim, told, start, err
	}
	began := time.Now()
	c, err := startCallboard(folder, false)
	if err != nil {
		return claim, told, start, err
	}
	defer c.stop()
	start = sample{value: float64(time.Since(began).Microseconds()) / 1e3}
	c.records = ids
	claim, _ = measureClaims(c, n, time.Second)
	if claim.err != nil {
		return claim, told, start, claim.err
	}
	claim.value = residentKB(c.pid()) / 1024
	f, err := newFan(c, 10)
	if err != nil {
		return claim, told, start, err
	}
	defer f.loop.close()
	told = f.run(1, fanoutTime)
	return claim, told, start, told.err
}

func growth(o options) error {
	if err := growthOfApps(o); err != nil {
		return err
	}
	lookup, err := lookup()
	if err != nil {
		return err
	}
	claims, tolds, starts := map[int]samples{}, map[int]samples{}, map[int]samples{}
	for range o.reps {
		for _, n := range growthRecords {
			claim, told, start, err := onRecords(lookup, n)
			if err != nil {
				return fmt.Errorf("%d records: %w", n, err)
			}
			for _, into := range []struct {
				m map[int]samples
				s sample
			}{{claims, claim}, {tolds, told}, {starts, start}} {
				if into.m[n] == nil {
					into.m[n] = samples{}
				}
				into.m[n][ourName] = append(into.m[n][ourName], into.s)
			}
			o.say("growth, %d records: done", n)
		}
	}
	t := table{head: []string{"open records", "claims/s (8 connections, one in flight)", "p50 us", "p99 us", "CPU us a claim", "deliveries/s to 10 apps", "CPU us per delivery", "start, ms", "RSS, MB"}}
	for _, n := range growthRecords {
		t.row(fmt.Sprint(n), claims[n].of(ourName, "", rate).String(), claims[n].of(ourName, "", p50).String(), claims[n].of(ourName, "", p99).String(),
			claims[n].of(ourName, "", cpu).String(), tolds[n].of(ourName, "", rate).String(), tolds[n].of(ourName, "", cpu).String(),
			starts[n].of(ourName, "", value).String(), claims[n].of(ourName, "", value).String())
	}
	t.print("Growth with the records")
	return nil
}

func growthOfApps(o options) error {
	found, err := measureFanout(o, []peer{limitPeer, callboardPeer}, o.sizes(fanoutSizes))
	if err != nil {
		return err
	}
	t := table{head: []string{"apps", "deliveries/s", "CPU us per delivery", "p99 us", "deliveries/s to the limit", "under load: deliveries/s", "CPU us per delivery", "to the limit"}}
	for _, n := range sortedSizes(found.single) {
		one, many := found.single[n], found.loaded[n]
		t.row(fmt.Sprint(n), one.of(ourName, "", rate).String(), one.of(ourName, "", cpu).String(), one.of(ourName, "", p99).String(), one.of(ourName, limitName, rate).String(),
			many.of(ourName, "", rate).String(), many.of(ourName, "", cpu).String(), many.of(ourName, limitName, rate).String())
	}
	t.print("Growth with the apps")
	return nil
}
