package ami

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// wanted leaves out expected calls that need not be seen, where there are too few views for all of them.
func wanted(got []telephony.View, want []demopbx.Expectation) []demopbx.Expectation {
	if len(got) == len(want) {
		return want
	}
	return slices.DeleteFunc(slices.Clone(want), func(e demopbx.Expectation) bool { return e.Optional })
}

// differences says where a view is not what the scenario expects.
func differences(got telephony.View, want demopbx.Expectation, begin time.Time) (problems []string) {
	differ := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if d := string(got.Direction); d != want.Direction && !slices.Contains(want.DirectionAlso, d) {
		differ("direction %s, want %s", got.Direction, want.Direction)
	}
	if !slices.ContainsFunc(append([]demopbx.Other{{Number: want.OtherNumber, Name: want.OtherName}}, want.OtherAlso...),
		func(o demopbx.Other) bool { return isParty(got.Party, o) }) {
		differ("other party %+v, want %q %q", got.Party, want.OtherNumber, want.OtherName)
	}
	if r := string(got.Result); r != want.Result && !slices.Contains(want.ResultAlso, r) {
		differ("result %s, want %s", got.Result, want.Result)
	}
	if by := string(got.EndedBy); want.EndedBy != "" && by != want.EndedBy && !slices.Contains(want.EndedByAlso, by) {
		differ("ended by %s, want %s", got.EndedBy, want.EndedBy)
	}
	if got.AnsweredBy != want.AnsweredBy {
		differ("answered by %q, want %q", got.AnsweredBy, want.AnsweredBy)
	}
	for fact, value := range want.Facts {
		if has := factOf(got, fact); has != value && has != strings.TrimPrefix(value, "9") {
			differ("%s is %q, want %q", fact, has, value)
		}
	}
	return append(problems, timeline(got.Timeline, want.Timeline, begin)...)
}

// isParty allows a number with or without the 9 that asks for an outside line.
func isParty(got telephony.Party, want demopbx.Other) bool {
	raw := got.Name
	if got.RawName != "" {
		raw = got.RawName
	}
	return (got.Number == want.Number || got.Number == strings.TrimPrefix(want.Number, "9")) &&
		raw == want.Name && got.Name == telephony.Display(want.Name)
}

// factOf reads a fact by its name in JSON; yes stands for true.
func factOf(v telephony.View, name string) string {
	if name == "withheld" {
		return yesNo(v.Party.Withheld)
	}
	text, err := json.Marshal(v.Facts)
	all := map[string]any{}
	if err != nil || json.Unmarshal(text, &all) != nil || all[name] == nil {
		return ""
	}
	if yes, is := all[name].(bool); is {
		return yesNo(yes)
	}
	return fmt.Sprint(all[name])
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// timeline compares what happened, and when. What need not be there counts only at its time.
func timeline(got []telephony.TimelineEntry, want []demopbx.Moment, begin time.Time) (problems []string) {
	left := got
	for _, m := range want {
		at := math.NaN()
		if len(left) > 0 && left[0].What == m.State {
			at = left[0].At.Sub(begin).Seconds()
		}
		near := math.Abs(at-m.At.Seconds()) <= 0.3
		switch {
		case near || !math.IsNaN(at) && !m.Optional:
			left = left[1:]
		case m.Optional:
			continue
		}
		if !near {
			problems = append(problems, fmt.Sprintf("%s at %.2f s, want %.2f: %s", m.State, at, m.At.Seconds(), happened(got, begin)))
		}
	}
	if len(left) > 0 {
		problems = append(problems, "more than happened: "+happened(got, begin))
	}
	return problems
}

func happened(entries []telephony.TimelineEntry, begin time.Time) string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s %.2f %s", e.What, e.At.Sub(begin).Seconds(), e.Detail))
	}
	return strings.Join(all, ", ")
}
