// Package trackertest judges what a tracker concludes by what the phones did: the truth of testdata/traces, and of the
// flows of lab/office while they are played.
//
// A truth names what is certain and what may be read in more than one way; all else that a tracker says is held against it.
package trackertest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// usualSlack is how many seconds the times of a recorded call may differ by.
const usualSlack = 0.3

// Truth is a *.expect.yaml. The README of testdata/traces tells what the keys mean.
type Truth struct {
	T0 int64 `yaml:"t0_unix_ms"`
	// Asked: the PBX could be asked for what is in no event, so that too is compared.
	Asked bool `yaml:"-"`
	// Slack is how many seconds times may differ by; 0.3 where it was read. Phones that are played live may be late where much else runs.
	Slack      float64 `yaml:"-"`
	Viewpoints []struct {
		Extension string
		Calls     []Call
	}
}

// Call is a call as one extension's phone had it.
type Call struct {
	Direction     string
	DirectionAlso []string `yaml:"direction_also_ok"`
	OtherNumber   string   `yaml:"other_number"`
	NumberAlso    []string `yaml:"other_number_also_ok"`
	OtherName     string   `yaml:"other_name"`
	NameAlso      []string `yaml:"other_name_also_ok"`
	NamePrefix    int      `yaml:"other_name_prefix_ok"`
	NumberFinal   string   `yaml:"other_number_final"`
	Timeline      []struct {
		State    string
		T        float64
		Optional bool
		Detail   string
	}
	Disposition     string
	DispositionAlso []string `yaml:"disposition_also_ok"`
	EndedBy         string   `yaml:"ended_by"`
	EndedByAlso     []string `yaml:"ended_by_also_ok"`
	TalkSeconds     int      `yaml:"talk_seconds"`
	TalkTolerance   int      `yaml:"talk_tolerance"`
	EndsEarly       string   `yaml:"disconnected_may_be_at"`
	Optional        bool     `yaml:"call_is_optional"`
	EndedInGap      bool     `yaml:"ended_in_gap"`
	BeganInGap      bool     `yaml:"began_in_gap"`
	AnsweredInGap   bool     `yaml:"answered_in_gap"`

	Recorded, Monitored, Queue, Dialed any
	TransferredTo                      string   `yaml:"transferred_to"`
	TransferredToAlso                  []string `yaml:"transferred_to_also_ok"`
	TransferType                       string   `yaml:"transfer_type"`
	TransferredBy                      string   `yaml:"transferred_by"`
	ForwardedTo                        string   `yaml:"forwarded_to"`
	AnsweredBy                         string   `yaml:"answered_by"`
	AnsweredByAlso                     []string `yaml:"answered_by_also_ok"`
	PickedUpBy                         string   `yaml:"picked_up_by"`
	PickedUpByAlso                     []string `yaml:"picked_up_by_also_ok"`
	ParkedAt                           string   `yaml:"parked_at"`
	RetrievedBy                        string   `yaml:"retrieved_by"`
	RetrievedFrom                      string   `yaml:"retrieved_from"`
	ClickToDial                        bool     `yaml:"click_to_dial"`
	Encrypted                          bool
}

// Read reads a truth.
func Read(text []byte) (Truth, error) {
	truth := Truth{Slack: usualSlack}
	err := yaml.Unmarshal(text, &truth)
	return truth, err
}

// Differences holds what was concluded, from each extension's point of view, against the truth, and says what is wrong;
// nothing if all is right.
func (truth Truth) Differences(concluded func(extension string) []Concluded) []string {
	var d differences
	for _, p := range truth.Viewpoints {
		got, calls := concluded(p.Extension), p.Calls
		if len(got) < len(calls) {
			calls = slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return c.Optional })
		}
		if len(got) != len(calls) {
			d.say("extension %s: got %d calls, want %d: %+v", p.Extension, len(got), len(calls), got)
			continue
		}
		best := truth.compare(p.Extension, got, calls)
		for i := 1; i < len(calls) && best != nil; i++ {
			if !calls[i-1].beganWith(calls[i], truth.Slack) {
				continue
			}
			swapped := slices.Clone(calls)
			swapped[i-1], swapped[i] = swapped[i], swapped[i-1]
			if other := truth.compare(p.Extension, got, swapped); len(other) < len(best) {
				best, calls = other, swapped
			}
		}
		d.found = append(d.found, best...)
	}
	return d.found
}

// compare takes the calls one by one.
func (truth Truth) compare(extension string, got []Concluded, calls []Call) []string {
	d := differences{extension: extension, slack: truth.Slack}
	for i, call := range calls {
		d.check(got[i], call, time.UnixMilli(truth.T0))
		if truth.Asked && call.TalkSeconds > 0 {
			d.flag("encrypted", got[i].Encrypted, call.Encrypted)
		}
	}
	return d.found
}

// beganWith says that two calls of one desk began so close to each other that either may be listed first.
func (c Call) beganWith(other Call, slack float64) bool {
	return len(c.Timeline) > 0 && len(other.Timeline) > 0 && math.Abs(c.Timeline[0].T-other.Timeline[0].T) < slack
}

type differences struct {
	extension string
	slack     float64
	found     []string
}

func (d *differences) say(format string, args ...any) {
	d.found = append(d.found, fmt.Sprintf(format, args...))
}

func (d *differences) is(what, got, want string, also ...string) {
	if got != want && !slices.Contains(also, got) {
		d.say("extension %s: %s %q, want %q", d.extension, what, got, want)
	}
}

func (d *differences) check(got Concluded, want Call, t0 time.Time) {
	d.is("direction", string(got.Direction), want.Direction, want.DirectionAlso...)
	d.is("other number", got.AtFirst.Number, want.OtherNumber, want.NumberAlso...)
	if want.NumberFinal != "" {
		d.is("other number at the end", got.Party.Number, want.NumberFinal)
	}
	if n := want.NamePrefix; n == 0 || !samePrefix(got.AtFirst.Name, want.OtherName, n) {
		d.is("other name", got.AtFirst.Name, want.OtherName, want.NameAlso...)
	}
	if want.EndedInGap {
		if got.Result != telephony.UnknownResult || !got.EndedAt.IsZero() || got.EndedAfter.IsZero() || got.EndedBefore.IsZero() {
			d.say("extension %s: an end that was not seen reads %+v", d.extension, got)
		}
		return
	}
	d.is("result", strings.ReplaceAll(string(got.Result), "_", "-"), want.Disposition, want.DispositionAlso...)
	d.is("ended by", string(got.EndedBy), want.EndedBy, want.EndedByAlso...)
	answerers := want.AnsweredByAlso
	if want.PickedUpBy != "" {
		answerers = append(slices.Clone(answerers), want.PickedUpBy)
	}
	d.is("answered by", got.AnsweredBy, want.AnsweredBy, answerers...)
	d.checkFacts(got, want)
	if want.BeganInGap {
		return
	}
	d.flag("recorded", got.Recorded, want.Recorded)
	d.flag("monitored", got.Monitored, want.Monitored)
	d.checkTimeline(got, want, t0)
}

func (d *differences) checkFacts(got Concluded, want Call) {
	d.is("picked up by", got.PickedUpBy, want.PickedUpBy, want.PickedUpByAlso...)
	d.is("forwarded to", got.ForwardedTo, want.ForwardedTo, "voicemail")
	d.is("transferred to", got.TransferredTo, want.TransferredTo, want.TransferredToAlso...)
	d.is("transfer type", string(got.TransferKind), want.TransferType)
	if want.TransferredBy != "" && !want.BeganInGap {
		d.is("transferred by", got.TransferredBy, want.TransferredBy)
	}
	d.is("parked at", got.ParkedAt, want.ParkedAt)
	d.is("retrieved by", got.RetrievedBy, want.RetrievedBy)
	d.is("retrieved from", got.RetrievedFrom, want.RetrievedFrom)
	if want.Queue != nil {
		d.is("queue", got.Queue, fmt.Sprint(want.Queue))
	}
	if got.ClickToDial != want.ClickToDial {
		d.say("extension %s: click to dial %v, want %v", d.extension, got.ClickToDial, want.ClickToDial)
	}
}

func samePrefix(a, b string, runes int) bool {
	one, two := []rune(a), []rune(b)
	return len(one) >= runes && len(two) >= runes && slices.Equal(one[:runes], two[:runes])
}

func (d *differences) flag(what string, got telephony.Known, want any) {
	if yes, said := want.(bool); said && (got == telephony.Yes) != yes {
		d.say("extension %s: %s is %s, want %v", d.extension, what, got, yes)
	}
}

func (d *differences) checkTimeline(got Concluded, want Call, t0 time.Time) {
	var seen []telephony.TimelineEntry
	for _, entry := range got.Timeline {
		if entry.What != string(telephony.Dialing) && entry.What != telephony.WhatGap && entry.What != telephony.WhatPickedUp {
			seen = append(seen, entry)
		}
	}
	for _, entry := range want.Timeline {
		what := entry.State
		if what == "disconnected" {
			what = string(telephony.Ended)
		}
		if len(seen) == 0 || seen[0].What != what {
			if entry.Optional {
				continue
			}
			d.say("extension %s: no %s at %.2f s in %+v", d.extension, what, entry.T, got.Timeline)
			return
		}
		at := seen[0].At.Sub(t0).Seconds()
		early := at < entry.T-d.slack && !(what == string(telephony.Ended) && want.EndsEarly != "")
		// What happened unseen is noticed later, and the view says so: it has no time of an answer.
		noticed := what == string(telephony.Connected) && want.AnsweredInGap && at > entry.T && got.AnsweredAt.IsZero()
		if (early || at > entry.T+d.slack) && !noticed {
			d.say("extension %s: %s at %.2f s, want %.2f", d.extension, what, at, entry.T)
		}
		seen = seen[1:]
	}
	if len(seen) > 0 {
		d.say("extension %s: more than happened: %+v", d.extension, seen)
	}
	if !got.AnsweredAt.IsZero() {
		talk, off := int(got.EndedAt.Sub(got.AnsweredAt).Seconds()), max(1+int(d.slack), want.TalkTolerance)
		if talk < want.TalkSeconds-off || talk > want.TalkSeconds+off {
			d.say("extension %s: talked %d s, want %d", d.extension, talk, want.TalkSeconds)
		}
	}
}
