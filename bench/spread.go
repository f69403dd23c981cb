//go:build linux

package main

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// sample is what one repetition measured of one server.
type sample struct {
	rate           float64 // a second
	cpu            float64 // of the server per delivery, trip or claim, in us
	p50, p99, p999 float64 // us
	others         float64 // processors that other processes kept busy
	value          float64 // what else a benchmark measures
	err            error
}

// tooBusy is from how much work of others on a repetition is marked.
const tooBusy = 0.35

// samples are by server and repetition.
type samples map[string][]sample

func rate(s sample) float64  { return s.rate }
func cpu(s sample) float64   { return s.cpu }
func p50(s sample) float64   { return s.p50 }
func p99(s sample) float64   { return s.p99 }
func p999(s sample) float64  { return s.p999 }
func value(s sample) float64 { return s.value }

// spread is a figure over the repetitions.
type spread struct {
	all   []float64
	noisy int // that were measured beside much other work
	taken int
	err   error
}

// of is a figure, and as a ratio to another server's of the same repetition where base is not empty. Repetitions beside much
// other work are left out where two remain.
func (m samples) of(name, base string, figure func(sample) float64) spread {
	var quiet, all []float64
	s := spread{}
	for i, a := range m[name] {
		v, others := figure(a), a.others
		if a.err != nil {
			s.err = a.err
			continue
		}
		if base != "" {
			if i >= len(m[base]) || m[base][i].err != nil {
				continue
			}
			v /= figure(m[base][i])
			others = max(others, m[base][i].others)
		}
		if math.IsNaN(v) || math.IsInf(v, 0) || v == 0 {
			continue
		}
		all = append(all, v)
		if others <= tooBusy {
			quiet = append(quiet, v)
		} else {
			s.noisy++
		}
	}
	s.all, s.taken = all, len(all)
	if len(quiet) >= 2 {
		s.all = quiet
	}
	slices.Sort(s.all)
	return s
}

func (s spread) median() float64 {
	if len(s.all) == 0 {
		return math.NaN()
	}
	if n := len(s.all); n%2 == 0 {
		return (s.all[n/2-1] + s.all[n/2]) / 2
	}
	return s.all[len(s.all)/2]
}

// String is median [lowest..highest], with ! where most of it was measured beside much other work.
func (s spread) String() string {
	if len(s.all) == 0 {
		if s.err != nil {
			return "failed"
		}
		return "-"
	}
	text := short(s.median())
	if len(s.all) > 1 {
		text += fmt.Sprintf(" [%s..%s]", short(s.all[0]), short(s.all[len(s.all)-1]))
	}
	if s.noisy > 0 && len(s.all) > s.taken-s.noisy {
		text += " !"
	}
	return text
}

func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.0fk", v/1e3)
	case v >= 1e3:
		return fmt.Sprintf("%.1fk", v/1e3)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// goal says whether a ratio reaches what it should.
func (s spread) goal(least bool, want float64) string {
	sign, met := ">=", s.median() >= want
	if !least {
		sign, met = "<=", s.median() <= want
	}
	verdict := "MISSED"
	if met {
		verdict = "met"
	}
	return fmt.Sprintf("%s %g: %s", sign, want, verdict)
}

// table prints rows as Markdown.
type table struct {
	head []string
	rows [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(title string) {
	fmt.Printf("\n### %s\n\n| %s |\n|%s\n", title, strings.Join(t.head, " | "), strings.Repeat(" --- |", len(t.head)))
	for _, r := range t.rows {
		fmt.Printf("| %s |\n", strings.Join(r, " | "))
	}
}

// histogram counts durations, each to within 3 %.
type histogram struct {
	counts [64 * 32]int
	n      int
}

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 1))
	shift := max(0, bits.Len64(v)-6)
	h.counts[shift*32+int(v>>shift)]++
	h.n++
}

// at returns the duration, in us, that a share of all do not exceed.
func (h *histogram) at(share float64) float64 {
	left := int(share * float64(h.n))
	for i, c := range h.counts {
		if left -= c; left < 0 {
			shift := max(0, i/32-1)
			return float64(uint64(i-shift*32)<<shift) / 1e3
		}
	}
	return 0
}

func (h *histogram) into(s *sample) { s.p50, s.p99, s.p999 = h.at(0.5), h.at(0.99), h.at(0.999) }
