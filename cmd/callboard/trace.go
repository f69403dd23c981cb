package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callboard-dev/callboard/internal/asterisk/ami"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

type traceCommand struct {
	Record recordCommand `cmd:"" help:"Keep what your PBX sends, to find out later what went wrong."`
	Replay replayCommand `cmd:"" help:"Run a recorded AMI stream through codec, mapper and tracker, and print the calls."`
}

type replayCommand struct {
	File   string   `arg:"" type:"path" help:"What was received from the PBX, byte for byte."`
	Times  string   `type:"path" placeholder:"FILE" help:"When: lines \"offset length unix_ms\". Default: the file of that name that ends in .times; without it the Timestamp headers are the clock."`
	Line   []string `required:"" placeholder:"EXTENSION" help:"Whose view to print. May be repeated."`
	Trunk  []string `placeholder:"DEVICE" help:"A device that leads outside. Default: every one whose name is not all digits."`
	JSON   bool     `xor:"form" help:"Print one JSON object."`
	Expect bool     `xor:"form" help:"Print a first expect.yaml: what is concluded now, for you to correct to what really happened."`
}

func (c *replayCommand) Run() error {
	recording, err := c.open()
	if err != nil {
		return err
	}
	begin := recording.Begin()
	var points []viewpoint
	extensions := map[string]bool{}
	for _, extension := range c.Line {
		seen, first, err := c.watch(recording, extension, extensions)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		if begin.IsZero() {
			begin = first
		}
		point := viewpoint{Extension: extension, Calls: []tracedCall{}}
		for _, s := range seen {
			point.Calls = append(point.Calls, traced(s, begin))
		}
		points = append(points, point)
	}
	switch {
	case c.JSON:
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"viewpoints": points})
	case c.Expect:
		return expectation(os.Stdout, c.File, begin, points)
	}
	return c.show(points, extensions)
}

// show prints the calls as a table, and of each extension without any that it has none: it may be mistyped.
func (c *replayCommand) show(points []viewpoint, extensions map[string]bool) error {
	with := slices.DeleteFunc(slices.Clone(points), func(p viewpoint) bool { return len(p.Calls) == 0 })
	if len(with) > 0 {
		if err := table(os.Stdout, with); err != nil {
			return err
		}
	}
	seen := "no extension was seen in it"
	if len(extensions) > 0 {
		seen = "seen here: " + strings.Join(slices.Sorted(maps.Keys(extensions)), ", ")
	}
	for _, p := range points {
		if len(p.Calls) == 0 {
			fmt.Fprintf(os.Stderr, "no calls of %s; %s\n", p.Extension, seen)
		}
	}
	return nil
}

// extensionOf is the extension of a device: PJSIP/1001 is 1001. Devices that lead outside are named otherwise.
func (c *replayCommand) extensionOf(device string) string {
	technology, name, _ := strings.Cut(device, "/")
	if technology == "Local" || name == "" || strings.Trim(name, "0123456789") != "" || slices.Contains(c.Trunk, device) {
		return ""
	}
	return name
}

// timesOf is the file beside a recording that says when.
func timesOf(file string) string { return strings.TrimSuffix(file, ".ami") + ".times" }

func (c *replayCommand) open() (*ami.Recording, error) {
	wire, err := os.ReadFile(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s: name a recording, such as `%s trace record calls.ami` makes", c.File, self())
	}
	if err != nil {
		return nil, err
	}
	name := c.Times
	if name == "" {
		name = timesOf(c.File)
	}
	times, err := os.Open(name)
	if c.Times == "" && errors.Is(err, fs.ErrNotExist) {
		return ami.NewRecording(wire, nil)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s: leave --times out, or name the one that was made with %s", name, c.File)
	}
	if err != nil {
		return nil, err
	}
	defer times.Close()
	return ami.NewRecording(wire, times)
}

// seen is a view as it was last told, and whether all of its call was seen.
type seen struct {
	telephony.View
	complete bool
}

// watch replays the recording for one extension. It returns its views in the order in which they began, and the time of the
// first observation, and puts down which extensions there are.
func (c *replayCommand) watch(recording *ami.Recording, extension string, extensions map[string]bool) ([]seen, time.Time, error) {
	n := 0
	t := tracker.New(tracker.Options{
		Extensions: []tracker.Extension{{Number: extension}}, Trunks: c.Trunk,
		NewID: func() telephony.CallID { n++; return telephony.CallID(fmt.Sprint("call-", n)) },
	})
	var order []telephony.LegID
	var first time.Time
	last := map[telephony.LegID]seen{}
	err := recording.Replay(func(o telephony.Observation) {
		if first.IsZero() {
			first = o.ObservedAt
		}
		for _, leg := range o.Legs {
			if at := c.extensionOf(leg.Device); at != "" {
				extensions[at] = true
			}
		}
		for _, change := range t.Apply(o) {
			if change.Call == nil {
				continue
			}
			for _, v := range change.Call.Views {
				if _, known := last[v.Leg]; !known {
					order = append(order, v.Leg)
				}
				last[v.Leg] = seen{v, change.Call.Complete}
			}
		}
	})
	var views []seen
	for _, leg := range order {
		views = append(views, last[leg])
	}
	slices.SortStableFunc(views, func(a, b seen) int { return a.StartedAt.Compare(b.StartedAt) })
	return views, first, err
}

// viewpoint and what is in it is the form in which recorded calls and what is expected of them are written.
type viewpoint struct {
	Extension string       `json:"extension"`
	Calls     []tracedCall `json:"calls"`
}

type tracedCall struct {
	Direction        string        `json:"direction"`
	OtherNumber      string        `json:"other_number"`
	OtherName        string        `json:"other_name"`
	OtherNumberFinal string        `json:"other_number_final,omitempty"` // set where the other party is another at the end
	OtherNameFinal   string        `json:"other_name_final,omitempty"`
	Timeline         []tracedState `json:"timeline"`
	Disposition      string        `json:"disposition,omitempty"` // absent while the call goes on
	EndedBy          string        `json:"ended_by,omitempty"`
	TalkSeconds      int           `json:"talk_seconds"`
	HeldSeconds      int           `json:"held_seconds,omitempty"`
	Recorded         *bool         `json:"recorded"`  // null: not known
	Monitored        *bool         `json:"monitored"` // somebody listened in
	Encrypted        *bool         `json:"encrypted"`
	TransferredTo    string        `json:"transferred_to,omitempty"`
	TransferType     string        `json:"transfer_type,omitempty"`
	TransferredBy    string        `json:"transferred_by,omitempty"`
	ForwardedTo      string        `json:"forwarded_to,omitempty"`
	ForwardedBy      string        `json:"forwarded_by,omitempty"`
	ParkedAt         string        `json:"parked_at,omitempty"`
	RetrievedBy      string        `json:"retrieved_by,omitempty"`
	RetrievedFrom    string        `json:"retrieved_from,omitempty"`
	PickedUpBy       string        `json:"picked_up_by,omitempty"`
	PickedUpFrom     string        `json:"picked_up_from,omitempty"`
	ReturnedFrom     string        `json:"returned_from,omitempty"`
	AnsweredBy       string        `json:"answered_by,omitempty"`
	Queue            string        `json:"queue,omitempty"`
	Conference       string        `json:"conference,omitempty"` // the room's number, or three-way
	Dialed           string        `json:"dialed,omitempty"`
	ClickToDial      bool          `json:"click_to_dial,omitempty"`
	BeganInGap       bool          `json:"began_in_gap,omitempty"` // the PBX could not be seen when it happened
	AnsweredInGap    bool          `json:"answered_in_gap,omitempty"`
	EndedInGap       bool          `json:"ended_in_gap,omitempty"`
}

type tracedState struct {
	State  string  `json:"state"`
	T      float64 `json:"t"` // seconds since the login
	Detail string  `json:"detail,omitempty"`
}

func traced(s seen, begin time.Time) tracedCall {
	out := tracedCall{
		Direction: string(s.Direction), OtherNumber: s.Party.Number, OtherName: s.Party.Name, Timeline: []tracedState{},
		Disposition: strings.ReplaceAll(string(s.Result), "_", "-"), EndedBy: string(s.EndedBy),
		Recorded: s.toldOf(s.Recorded), Monitored: s.toldOf(s.Monitored), Encrypted: known(s.Encrypted),
		TransferredTo: s.TransferredTo, TransferType: string(s.TransferKind), TransferredBy: s.TransferredBy,
		ForwardedTo: s.ForwardedTo, ForwardedBy: s.ForwardedBy, ParkedAt: s.ParkedAt, RetrievedBy: s.RetrievedBy, RetrievedFrom: s.RetrievedFrom,
		PickedUpBy: s.PickedUpBy, AnsweredBy: s.AnsweredBy, Queue: s.Queue, Conference: s.Room, Dialed: s.Dialed, ClickToDial: s.ClickToDial,
		PickedUpFrom: s.PickedUpFrom, ReturnedFrom: s.ReturnedFrom, BeganInGap: s.Unseen, EndedInGap: !s.EndedAfter.IsZero(),
	}
	out.AnsweredInGap = !s.Unseen && s.AnsweredAt.IsZero() && !s.talkedFrom().IsZero()
	if out.Conference == "" && s.met() {
		out.Conference = "three-way"
	}
	if s.First != (telephony.Party{}) && (s.First.Number != s.Party.Number || s.First.Name != s.Party.Name) {
		out.OtherNumber, out.OtherName = s.First.Number, s.First.Name
		out.OtherNumberFinal, out.OtherNameFinal = s.Party.Number, s.Party.Name
	}
	end := s.EndedAt
	if end.IsZero() {
		end = s.EndedAfter // it was not seen: so long at least
	}
	if from := s.talkedFrom(); !from.IsZero() && end.After(from) {
		out.TalkSeconds = int(end.Sub(from).Seconds())
	}
	out.Timeline, out.HeldSeconds = s.states(begin, end)
	return out
}

// met reports whether the call was ever a conference.
func (s seen) met() bool {
	return slices.ContainsFunc(s.Timeline, func(e telephony.TimelineEntry) bool { return e.What == telephony.WhatConferenced })
}

// talkedFrom is the answer, else since when the talk was seen: of a call that was answered before.
func (s seen) talkedFrom() time.Time {
	if !s.AnsweredAt.IsZero() {
		return s.AnsweredAt
	}
	for _, entry := range s.Timeline {
		if entry.What == string(telephony.Connected) || entry.What == string(telephony.Held) {
			return entry.At
		}
	}
	return time.Time{}
}

// states is the timeline in the words of a trace, and for how long the extension held. What only an apparatus sees is left
// out: that a number was dialled is in Dialed, that the call was picked up in PickedUpBy, and a gap is no state.
func (s seen) states(begin, end time.Time) ([]tracedState, int) {
	out := []tracedState{}
	var heldAt time.Time
	var held time.Duration
	for _, entry := range s.Timeline {
		state, detail := entry.What, entry.Detail
		if !heldAt.IsZero() && state != telephony.WhatGap {
			held += entry.At.Sub(heldAt)
			heldAt = time.Time{}
		}
		switch state {
		case string(telephony.Dialing), telephony.WhatGap, telephony.WhatPickedUp:
			continue
		case string(telephony.Held):
			heldAt = entry.At
		case string(telephony.Ended):
			state, detail = "disconnected", "" // Disposition says it
		}
		out = append(out, tracedState{State: state, T: float64(entry.At.Sub(begin).Round(time.Millisecond).Milliseconds()) / 1000, Detail: detail})
	}
	if !heldAt.IsZero() && end.After(heldAt) {
		held += end.Sub(heldAt)
	}
	return out, int(held.Seconds())
}

func known(k telephony.Known) *bool {
	if k == telephony.Unknown || k == "" {
		return nil
	}
	yes := k == telephony.Yes
	return &yes
}

// toldOf is known for what a PBX tells when it happens: of a call that was seen from its beginning to its end, and of which
// it was not told, it is not so.
func (s seen) toldOf(k telephony.Known) *bool {
	if told := known(k); told != nil || !s.complete {
		return told
	}
	return new(bool)
}

func table(w io.Writer, points []viewpoint) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "LINE\tDIRECTION\tOTHER\tRESULT\tENDED BY\tTALK\tTIMELINE\tBESIDES")
	for _, p := range points {
		for _, c := range p.Calls {
			var line []string
			for _, s := range c.Timeline {
				line = append(line, fmt.Sprintf("%s %.2f", s.State, s.T))
			}
			result := c.Disposition
			if result == "" {
				result = "goes on"
			}
			fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%d s\t%s\t%s\n", p.Extension, c.Direction, c.other(), result, c.EndedBy, c.TalkSeconds, strings.Join(line, ", "), strings.Join(c.besides(), ", "))
		}
	}
	return out.Flush()
}

func (c tracedCall) other() string {
	text := strings.TrimSpace(c.OtherNumber + " " + c.OtherName)
	if c.OtherNumberFinal+c.OtherNameFinal != "" {
		text += ", then " + strings.TrimSpace(c.OtherNumberFinal+" "+c.OtherNameFinal)
	}
	return text
}

// besides is what else happened, in words.
func (c tracedCall) besides() []string {
	var out []string
	for _, f := range []struct{ words, value string }{
		{"transferred (" + c.TransferType + ") to", c.TransferredTo}, {"transferred by", c.TransferredBy}, {"forwarded to", c.ForwardedTo},
		{"forwarded by", c.ForwardedBy}, {"parked at", c.ParkedAt}, {"retrieved by", c.RetrievedBy}, {"retrieved from", c.RetrievedFrom},
		{"picked up by", c.PickedUpBy}, {"answered by", c.AnsweredBy}, {"queue", c.Queue}, {"picked up from", c.PickedUpFrom},
		{"came back from", c.ReturnedFrom}, {"conference", c.Conference}, {"dialled", c.Dialed},
	} {
		if f.value != "" {
			out = append(out, f.words+" "+f.value)
		}
	}
	for words, is := range map[string]*bool{"recorded": c.Recorded, "listened to": c.Monitored, "encrypted": c.Encrypted, "click to dial": &c.ClickToDial} {
		if is != nil && *is {
			out = append(out, words)
		}
	}
	slices.Sort(out)
	return out
}

// expectation prints what is concluded as the file that a test compares with.
func expectation(w io.Writer, file string, begin time.Time, points []viewpoint) error {
	var out strings.Builder
	out.WriteString("# A first draft, from what is concluded today. Correct it to what the phones did, then it is a test.\n")
	fmt.Fprintf(&out, "scenario: %q\nrecorded: %q\nt0_unix_ms: %d\nwhat_the_phones_did: \"\"\nviewpoints:\n", strings.TrimSuffix(filepath.Base(file), ".ami"), begin.UTC().Format(time.RFC3339), begin.UnixMilli())
	for _, p := range points {
		fmt.Fprintf(&out, "  - extension: %q\n    calls:\n", p.Extension)
		for _, c := range p.Calls {
			if err := c.expectation(&out); err != nil {
				return err
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// expectation writes one call: its JSON keys are the keys of the file, and JSON's scalars are YAML's.
func (c tracedCall) expectation(out *strings.Builder) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	indent := "      - "
	for decoder.More() || indent == "      - " {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok { // the opening brace
			continue
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		if key == "timeline" {
			fmt.Fprintf(out, "%stimeline:\n", indent)
			for _, s := range c.Timeline {
				fmt.Fprintf(out, "          - {state: %s, t: %.2f%s}\n", s.State, s.T, detail(s.Detail))
			}
		} else if string(value) != "null" {
			fmt.Fprintf(out, "%s%s: %s\n", indent, key, value)
		}
		indent = "        "
	}
	return nil
}

func detail(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(", detail: %q", text)
}
