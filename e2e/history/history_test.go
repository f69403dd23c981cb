package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// sound is a history as it must be: two records, a note, an answer of a claim and a note, two swaps, a command, and three
// who followed over a kill, one of them through a filter.
func sound() *History {
	open, ringing, ended := board.Standing{State: board.Open}, board.Standing{State: board.Open, Call: telephony.Ringing}, board.Standing{State: board.Open, Call: telephony.Ended}
	claim := func(seq uint64, field, value string) map[string]*board.Field {
		return map[string]*board.Field{field: {Claims: []board.Claim{{Source: "crm", Value: value, Seq: seq}}}}
	}
	note := func(value string) *board.Item { return &board.Item{ID: value, Source: "crm", Text: value} }
	log := []*board.Change{
		{Kind: board.RecordOpened, Record: "a", Rev: 1, Is: open, Was: &board.Standing{}},
		{Kind: board.ItemAdded, Record: "a", Rev: 2, Is: open, List: "notes", Item: note("probe-note")},
		{Kind: board.RecordOpened, Record: "b", Rev: 1, Is: open, Was: &board.Standing{}},
		{Kind: board.RecordChanged, Record: "b", Rev: 2, Is: open, Shown: []string{"party.company"}, Fields: claim(4, "party.company", "probe-company")},
		{Kind: board.ItemAdded, Record: "b", Rev: 3, Is: open, List: "notes", Item: note("probe-answer")},
		{Kind: board.RecordJoined, Record: "b", Rev: 4, Is: ringing, Was: &open},
		// Here it was killed.
		{Kind: "call.ended", Record: "b", Rev: 5, Is: ended, Was: &ringing},
		{Kind: board.RecordChanged, Record: "a", Rev: 3, Is: open, Shown: []string{exclusive}, Fields: claim(8, exclusive, "probe-one")},
		{Kind: board.RecordChanged, Record: "a", Rev: 4, Is: open, Shown: []string{exclusive}, Fields: claim(9, exclusive, "probe-two")},
		{Kind: board.AppGone, App: "crm"},
	}
	for i, c := range log {
		c.Seq = uint64(i + 1)
	}
	h := &History{Epoch: "e", Log: log, Ends: []uint64{6, 10}, Told: map[string]int{"+1": 1}}
	h.Requests = []Request{
		{Op: "lookup", Record: "a", Outcome: Acked, Status: 201},
		{Op: "note", Record: "a", Outcome: Acked, Status: 201, Effects: []Effect{{"", "probe-note"}}},
		{Op: "answer", Record: "b", Outcome: Unknown, Effects: []Effect{{"party.company", "probe-company"}, {"", "probe-answer"}}},
		{Op: "claim", Record: "b", Outcome: Refused, Status: 403, Effects: []Effect{{"party.bio", "probe-refused"}}},
		{Op: "claim", Record: "b", Outcome: Unknown, Effects: []Effect{{"party.bio", "probe-unknown"}}},
		{Life: 1, Op: "read", Record: "a", Outcome: Acked, Sent: 1, Done: 2},
		{Life: 1, Op: "swap", Record: "a", Outcome: Acked, Status: 200, Rev: 3, Sent: 3, Done: 6, Effects: []Effect{{exclusive, "probe-one"}}},
		{Life: 1, Op: "swap", Record: "a", Outcome: Refused, Status: 412, Sent: 4, Done: 5, Value: "probe-one", Effects: []Effect{{exclusive, "probe-late"}}},
		{Life: 1, Op: "swap", Record: "a", Outcome: Unknown, Seen: "probe-one", Sent: 7, Done: 8, Effects: []Effect{{exclusive, "probe-two"}}},
		{Life: 1, Op: "read", Record: "a", Outcome: Acked, Sent: 9, Done: 10, Value: "probe-two"},
		{Op: "dial", Key: "k", Seen: "+1", Outcome: Unknown, Sent: 1, Done: 2},
		{Life: 1, Op: "dial", Key: "k", Seen: "+1", Outcome: Unknown, Status: 409, Sent: 3, Done: 4},
		{Life: 1, Op: "dial", Key: "k", Seen: "+1", Outcome: Unknown, Status: 409, Sent: 5, Done: 6},
	}
	live := View{Calls: []string{"ringing"}}
	h.Streams = []*Stream{
		h.stream("page", 0, View{}, "e:0", 1, 6),
		h.stream("page", 1, View{}, "e:6", 7, 10),
		h.stream("socket", 0, View{}, "e:0", 1, 4),
		h.stream("socket", 1, View{}, "e:4", 5, 10),
		h.stream("live", 0, live, "e:0", 1, 6),
		h.stream("live", 1, live, "e:6", 7, 10),
	}
	end := append([]api.Record{h.record("a", 9)}, h.record("b", 9))
	h.Listings = []Listing{
		{Client: "page", Cursor: "e:0"}, {Life: 0, Client: "page", Cursor: "e:5", Records: []api.Record{h.record("a", 5), h.record("b", 5)}}, {Life: 1, Client: "page", Cursor: "e:10", Records: end},
		{Client: "live", View: live, Cursor: "e:0"}, {Life: 1, Client: "live", View: live, Cursor: "e:10"},
	}
	return h
}

// stream is what a view is told of the log from a place to another, between bookmarks.
func (h *History) stream(client string, life int, v View, from string, first, last int) *Stream {
	mark := func(id string) Frame { return Frame{ID: id, Type: "bookmark", Data: json.RawMessage(`{}`)} }
	s := &Stream{Client: client, Life: life, View: v, From: from, Frames: []Frame{mark(from)}}
	for _, c := range h.Log[first-1 : last] {
		if kind := v.tells(c); kind != "" {
			s.Frames = append(s.Frames, Frame{ID: fmt.Sprint("e:", c.Seq), Type: kind, Subject: c.Record, Rev: c.Rev, Data: h.data(c, kind)})
		}
	}
	s.Frames = append(s.Frames, mark(fmt.Sprint("e:", last)))
	return s
}

func (h *History) data(c *board.Change, kind string) json.RawMessage {
	d := map[string]any{"rev": c.Rev}
	switch {
	case c.Kind == board.RecordOpened || c.Kind == board.RecordJoined || kind == "record.added":
		d["record"] = h.record(c.Record, c.Seq)
	case c.Item != nil:
		d["list"], d["item"] = c.List, api.Item{ID: c.Item.ID, Text: c.Item.Text, Source: c.Item.Source}
	case c.Fields != nil:
		fields := map[string]api.Field{}
		for name, f := range c.Fields {
			fields[name] = api.Field{Value: f.Claims[0].Value, Source: f.Claims[0].Source}
		}
		d["fields"] = fields
	case c.Kind == "call.ended":
		d["call"] = api.Call{State: api.CallState(c.Is.Call)}
	}
	text, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return text
}

// record is one as it was after a seq.
func (h *History) record(id string, seq uint64) api.Record {
	r := api.Record{ID: id, State: api.RecordStateOpen, Fields: map[string]api.Field{}, Items: map[string][]api.Item{}}
	for _, c := range h.Log[:seq] {
		if c.Record != id {
			continue
		}
		r.Rev, r.Call.State = c.Rev, api.CallState(c.Is.Call)
		for name, f := range c.Fields {
			r.Fields[name] = api.Field{Value: f.Claims[0].Value, Source: f.Claims[0].Source}
		}
		if c.Item != nil {
			r.Items[c.List] = append(r.Items[c.List], api.Item{ID: c.Item.ID, Text: c.Item.Text})
		}
	}
	return r
}

func TestSound(t *testing.T) {
	t.Parallel()
	for _, err := range sound().Judge() {
		t.Error(err)
	}
}

// TestDoctored: each judge refuses a history in which that is wrong that it is there for.
func TestDoctored(t *testing.T) {
	t.Parallel()
	cut := func(s *Stream, i int) { s.Frames = append(s.Frames[:i:i], s.Frames[i+1:]...) }
	for name, c := range map[string]struct {
		judge  func(*History) []error
		doctor func(*History)
		says   string
	}{
		"a hole in the log":                    {Logged, func(h *History) { h.Log[4].Seq = 17 }, "D-1"},
		"a log that has become shorter":        {Logged, func(h *History) { h.Ends[1] = 3 }, "shorter"},
		"two frames change places":             {Watches, func(h *History) { f := h.Streams[0].Frames; f[2], f[3] = f[3], f[2] }, "reliable"},
		"the second of them":                   {Watches, func(h *History) { f := h.Streams[0].Frames; f[2], f[3] = f[3], f[2] }, "ordered"},
		"a frame comes twice":                  {Watches, func(h *History) { s := h.Streams[0]; s.Frames = append(s.Frames[:3:3], s.Frames[2:]...) }, "unique"},
		"a frame is missing":                   {Watches, func(h *History) { cut(h.Streams[0], 3) }, "reliable"},
		"the last frame before a bookmark":     {Watches, func(h *History) { s := h.Streams[0]; cut(s, len(s.Frames)-2) }, "reliable"},
		"a resumed stream begins too late":     {Watches, func(h *History) { cut(h.Streams[1], 1) }, "reliable"},
		"a resumed stream begins too early":    {Watches, func(h *History) { h.Streams[1].From = "e:7" }, "unique"},
		"a filter that lets something through": {Watches, func(h *History) { h.Streams[4].Frames[1].ID = "e:5" }, `to it ""`},
		"a filter that loses a removal":        {Watches, func(h *History) { cut(h.Streams[5], 1) }, "reliable"},
		"a bookmark that goes back":            {Watches, func(h *History) { s := h.Streams[1]; s.Frames[len(s.Frames)-1].ID = "e:7" }, "bookmarked"},
		"a bookmark that runs ahead":           {Watches, func(h *History) { h.Streams[0].Frames[0].ID = "e:3" }, "reliable"},
		"a resume that is refused":             {Watches, func(h *History) { h.Streams[1].Status = 410 }, "D-6"},
		"a reset":                              {Watches, func(h *History) { h.Streams[1].Frames[1].Type = "reset" }, "D-6"},
		"an id of another epoch":               {Watches, func(h *History) { h.Streams[1].Frames[1].ID = "f:7" }, "D-4"},
		"told before it was kept":              {Watches, func(h *History) { h.Ends[0] = 5 }, "D-2"},
		"told, and never kept":                 {Watches, func(h *History) { h.Ends, h.Log = []uint64{6, 9}, h.Log[:9] }, "D-2"},
		"told otherwise than it was kept":      {Watches, func(h *History) { h.Streams[0].Frames[2].Rev = 7 }, "D-2"},
		"of another record":                    {Watches, func(h *History) { h.Streams[0].Frames[2].Subject = "b" }, "D-2"},
		"an id that means two things":          {Watches, func(h *History) { h.Streams[2].Frames[2].Data = json.RawMessage(`{"item":{"text":"other"}}`) }, "D-4"},
		"a rev that stands still":              {Revs, func(h *History) { h.Log[7].Rev = 2 }, "D-1"},
		"a rev that leaps":                     {Revs, func(h *History) { h.Log[8].Rev = 9 }, "D-1"},
		"an acknowledged write is lost":        {Writes, func(h *History) { h.Log[1].Item = &board.Item{Text: "probe-unknown"} }, "LOST"},
		"an acknowledged write comes late":     {Writes, func(h *History) { h.Ends[0] = 1 }, "LOST"},
		"an acknowledged lookup is lost":       {Writes, func(h *History) { h.Log[0].Record = "c" }, "LOST"},
		"on another record":                    {Writes, func(h *History) { h.Log[1].Record = "b" }, "acknowledged as"},
		"at another rev":                       {Writes, func(h *History) { h.Log[7].Rev = 9 }, "acknowledged as"},
		"a refused write is kept":              {Writes, func(h *History) { h.Log[4].Item.Text = "probe-late" }, "nobody has asked"},
		"a refused claim is kept":              {Writes, func(h *History) { h.Requests[2].Outcome = Refused }, "was refused"},
		"a write is kept twice":                {Writes, func(h *History) { h.Log[4].Item.Text = "probe-note" }, "2 times"},
		"a write that nobody sent":             {Writes, func(h *History) { h.Requests[2].Effects = nil }, "nobody has asked"},
		"half an answer":                       {Atomic, func(h *History) { h.Log[4].Item.Text = "other" }, "1 of 2"},
		"a copy without a note":                {Replicas, func(h *History) { cut(h.Streams[0], 2) }, "not as listed"},
		"a copy with another value": {Replicas, func(h *History) {
			h.Streams[1].Frames[3].Data = json.RawMessage(`{"fields":{"call.disposition":{"value":"x"}}}`)
		}, "not as listed"},
		"a record on the list only":       {Replicas, func(h *History) { cut(h.Streams[0], 1) }, "knows nothing"},
		"a record in the copy only":       {Replicas, func(h *History) { h.Listings[2].Records = h.Listings[2].Records[:1] }, "not on the list"},
		"a filter that keeps one":         {Replicas, func(h *History) { cut(h.Streams[5], 1) }, "not on the list"},
		"a read of what was never there":  {Registers, func(h *History) { h.Requests[9].Value = "probe-three" }, "no register"},
		"a read of what is gone":          {Registers, func(h *History) { h.Requests[9].Value = "" }, "no register"},
		"two swaps of one value":          {Registers, func(h *History) { h.Requests[8].Outcome, h.Requests[8].Seen = Acked, "" }, "no register"},
		"a refusal that tells the future": {Registers, func(h *History) { h.Requests[7].Value = "probe-two" }, "no register"},
		"a command given twice":           {Commands, func(h *History) { h.Told["+1"] = 2 }, "2 times"},
		"a command that was not given":    {Commands, func(h *History) { h.Told["+1"], h.Requests[12].Outcome = 0, Acked }, "0 times"},
		"an outcome that changes":         {Commands, func(h *History) { h.Requests[12].Outcome, h.Requests[12].Value = Acked, "rec" }, "not those of one"},
		"a new command that is not known": {Commands, func(h *History) { h.Requests = h.Requests[11:] }, "not those of one"},
		"two answers":                     {Commands, twoAnswers, "not those of one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := sound()
			c.doctor(h)
			found := c.judge(h)
			for _, err := range found {
				if strings.Contains(err.Error(), c.says) {
					return
				}
			}
			t.Errorf("the judge says %v, nothing of %q", found, c.says)
		})
	}
}

func twoAnswers(h *History) {
	for i, answer := range []string{"one", "two"} {
		h.Requests[11+i].Outcome, h.Requests[11+i].Status, h.Requests[11+i].Value = Acked, 201, answer
	}
}

// TestKilled: a kill that loses the epoch is told at once.
func TestKilled(t *testing.T) {
	t.Parallel()
	r := NewRecorder()
	if err := r.Killed("", nil); err != nil { // before it had begun
		t.Error(err)
	}
	if err := r.Killed("e", []*board.Change{{Seq: 1, At: time.Now()}}); err != nil || r.Life() != 2 {
		t.Errorf("life %d, %v", r.Life(), err)
	}
	if err := r.Killed("f", nil); err == nil {
		t.Error("another epoch was taken")
	}
}
