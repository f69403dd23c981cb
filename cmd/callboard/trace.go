package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/callboard-dev/callboard/internal/asterisk/ami"
	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker"
)

type traceCommand struct {
	Replay replayCommand `cmd:"" help:"Run a recorded AMI stream through codec, mapper and tracker, and print the calls."`
}

type replayCommand struct {
	File  string   `arg:"" type:"existingfile" help:"What was received from the PBX, byte for byte."`
	Times string   `type:"existingfile" placeholder:"FILE" help:"When: lines \"offset length unix_ms\". Without it the Timestamp headers are the clock."`
	Line  []string `required:"" placeholder:"EXTENSION" help:"Whose view to print. May be repeated."`
	Trunk []string `placeholder:"DEVICE" help:"A device that leads outside. Default: every one whose name is not all digits."`
	JSON  bool     `help:"Print one JSON object."`
}

func (c *replayCommand) Run() error {
	recording, err := c.open()
	if err != nil {
		return err
	}
	begin := recording.Begin()
	var points []viewpoint
	for _, extension := range c.Line {
		views, first, err := c.views(recording, extension)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		if begin.IsZero() {
			begin = first
		}
		point := viewpoint{Extension: extension, Calls: []tracedCall{}}
		for _, v := range views {
			point.Calls = append(point.Calls, traced(v, begin))
		}
		points = append(points, point)
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"viewpoints": points})
	}
	return table(os.Stdout, points)
}

func (c *replayCommand) open() (*ami.Recording, error) {
	wire, err := os.ReadFile(c.File)
	if err != nil {
		return nil, err
	}
	if c.Times == "" {
		return ami.NewRecording(wire, nil)
	}
	times, err := os.Open(c.Times)
	if err != nil {
		return nil, err
	}
	defer times.Close()
	return ami.NewRecording(wire, times)
}

// views are the calls of one extension in the order in which they began, and the time of the first observation.
func (c *replayCommand) views(recording *ami.Recording, extension string) ([]telephony.View, time.Time, error) {
	n := 0
	t := tracker.New(tracker.Options{
		Extensions: []tracker.Extension{{Number: extension}}, Trunks: c.Trunk,
		NewID: func() telephony.CallID { n++; return telephony.CallID(fmt.Sprint("call-", n)) },
	})
	var order []telephony.CallID
	var first time.Time
	last := map[telephony.CallID]telephony.View{}
	err := recording.Replay(func(o telephony.Observation) {
		if first.IsZero() {
			first = o.ObservedAt
		}
		for _, change := range t.Apply(o) {
			if change.Call == nil {
				continue
			}
			if _, known := last[change.Call.ID]; !known {
				order = append(order, change.Call.ID)
			}
			last[change.Call.ID] = change.Call.Views[0]
		}
	})
	var views []telephony.View
	for _, id := range order {
		views = append(views, last[id])
	}
	return views, first, err
}

// viewpoint and what is in it is the form in which recorded calls and what is expected of them are written.
type viewpoint struct {
	Extension string       `json:"extension"`
	Calls     []tracedCall `json:"calls"`
}

type tracedCall struct {
	Direction   string        `json:"direction"`
	OtherNumber string        `json:"other_number"`
	OtherName   string        `json:"other_name"`
	Timeline    []tracedState `json:"timeline"`
	Disposition string        `json:"disposition,omitempty"` // absent while the call goes on
	EndedBy     string        `json:"ended_by,omitempty"`
	TalkSeconds int           `json:"talk_seconds"`
	AnsweredBy  string        `json:"answered_by,omitempty"`
}

type tracedState struct {
	State  string  `json:"state"`
	T      float64 `json:"t"` // seconds since the login
	Detail string  `json:"detail,omitempty"`
}

func traced(v telephony.View, begin time.Time) tracedCall {
	out := tracedCall{
		Direction: string(v.Direction), OtherNumber: v.Party.Number, OtherName: v.Party.Name,
		Disposition: strings.ReplaceAll(string(v.Result), "_", "-"), EndedBy: string(v.EndedBy), AnsweredBy: v.AnsweredBy, Timeline: []tracedState{},
	}
	if !v.AnsweredAt.IsZero() && v.EndedAt.After(v.AnsweredAt) {
		out.TalkSeconds = int(v.EndedAt.Sub(v.AnsweredAt).Seconds())
	}
	for _, entry := range v.Timeline {
		state := entry.What
		switch state {
		case string(telephony.Dialing), telephony.WhatGap:
			continue
		case string(telephony.Ended):
			state = "disconnected"
		}
		out.Timeline = append(out.Timeline, tracedState{State: state, T: entry.At.Sub(begin).Round(time.Millisecond).Seconds(), Detail: entry.Detail})
	}
	return out
}

func table(w io.Writer, points []viewpoint) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(out, "LINE\tDIRECTION\tOTHER\tRESULT\tENDED BY\tTALK\tTIMELINE")
	for _, p := range points {
		for _, c := range p.Calls {
			var line []string
			for _, s := range c.Timeline {
				line = append(line, fmt.Sprintf("%s %.2f", s.State, s.T))
			}
			fmt.Fprintf(out, "%s\t%s\t%s %s\t%s\t%s\t%d s\t%s\n", p.Extension, c.Direction, c.OtherNumber, c.OtherName, c.Disposition, c.EndedBy, c.TalkSeconds, strings.Join(line, ", "))
		}
	}
	return out.Flush()
}
