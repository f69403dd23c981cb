package server

import (
	"bytes"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/internal/board"
	"github.com/callboard-dev/callboard/internal/delivery"
)

// frames encodes what readers are told. It remembers the newest changes per view: with groups of readers of one view, and
// readers that catch up, a change is encoded once, not once for each. Two that meet at an empty place both encode; the bytes
// are equal.
type frames struct {
	board   *board.Board
	actions actions
	rings   sync.Map // view -> *ring
}

const frameRing = 1024

type ring [frameRing]atomic.Pointer[frame]

type frame struct {
	change *board.Change
	epoch  string
	bytes  []byte
}

func newFrames(b *board.Board, a actions) *frames { return &frames{board: b, actions: a} }

// forget lets go of all that is encoded: for views that may be gone, where what apps may read has changed, and where some of
// it may say what was erased since (SEC-45).
func (f *frames) forget() { f.rings.Clear() }

// of returns the JSON of a change for a view, nil if there is nothing in it for that view. Not to be written to. A change of
// which a view hides nothing is encoded once for all such views.
func (f *frames) of(c *board.Change, v view, epoch string) ([]byte, error) {
	held, ok := f.rings.Load(v)
	if !ok {
		held, _ = f.rings.LoadOrStore(v, new(ring))
	}
	place := &held.(*ring)[c.Seq%frameRing]
	if known := place.Load(); known != nil && known.change == c && known.epoch == epoch {
		return known.bytes, nil
	}
	bytes, err := f.encode(c, v, epoch)
	if err != nil {
		return nil, err
	}
	place.Store(&frame{change: c, epoch: epoch, bytes: bytes})
	return bytes, nil
}

func (f *frames) encode(c *board.Change, v view, epoch string) ([]byte, error) {
	if _, whole := v.sight().change(c); whole && v.reads != "" {
		return f.of(c, view{claims: v.claims}, epoch)
	}
	return notification(c, v, epoch, f.board.Durable(), false, f.actions)
}

// Told implements delivery.Encoder. A change that everybody of a view sees alike is encoded once; what one reader's filter
// makes of it is not kept.
func (f *frames) Told(t board.Told, v delivery.View, epoch string) (delivery.Frame, error) {
	out := delivery.Frame{Kind: t.Change.Kind, ID: board.Cursor{Epoch: epoch, Seq: t.Change.Seq}.String()}
	if t.Coalesced {
		out.ID = ""
	}
	view := v.(view)
	c := *t.Change
	switch {
	case t.Sight == board.Added && t.Record != nil:
		c.Kind, c.Rev, c.Opened = recordAdded, t.Record.Rev, t.Record
	case t.Sight == board.Newest && t.Record != nil:
		c.Kind, c.Rev, c.Opened = recordNewest, t.Record.Rev, t.Record
	case t.Sight == board.Removed && t.Change.Kind != board.RecordErased:
		c.Kind, c.Call, c.Item = recordRemoved, nil, nil
	case t.Trimmed, t.Coalesced:
	default:
		var err error
		out.JSON, err = f.of(t.Change, view, epoch)
		return out, err
	}
	var err error
	out.Kind = c.Kind
	out.JSON, err = notification(&c, view, epoch, f.board.Durable(), t.Coalesced, f.actions)
	return out, err
}

// What a change is to a reader whose filter its record enters or leaves, or who is told the newest state only.
const (
	recordAdded   = "record.added"
	recordNewest  = "record.newest"
	recordRemoved = "record.removed"
)

// Work implements delivery.Encoder.
func (f *frames) Work(w *board.Work, v delivery.View, now time.Time) (delivery.Frame, error) {
	out := api.Work{Work: w.ID, Record: wireRecord(w.Record, v.(view), f.board.Durable(), f.actions), Changed: append([]string{}, v.(view).sight().names(w.Changed)...),
		Round: w.Round, Wave: w.Wave, DeadlineMs: w.Deadline.Sub(now).Milliseconds()}
	for _, m := range w.Moments {
		out.Moments = append(out.Moments, api.Moment(m))
	}
	frame := envelope("work", w.ID, w.Record.Line, w.Record.ID, now, out)
	frame.ID = "" // a work has no place in the log
	return frame, nil
}

// Bookmark implements delivery.Encoder.
func (f *frames) Bookmark(mark board.Bookmark) delivery.Frame {
	return envelope("bookmark", mark.Cursor.String(), "", "", time.Now(),
		api.BookmarkData{Cursor: mark.Cursor.String(), Behind: int64(mark.Changes), BehindMs: mark.Behind.Milliseconds()})
}

// Reset implements delivery.Encoder.
func (f *frames) Reset(at board.Cursor, why error) delivery.Frame {
	return envelope("reset", at.String(), "", "", time.Now(), api.ResetData{Reason: why.Error()})
}

func envelope(kind, id, line, record string, at time.Time, data any) delivery.Frame {
	return delivery.Frame{Kind: kind, ID: id, JSON: wrap(api.Notification{Specversion: "1.0", ID: id, Source: lineSource(line), Type: api.NotificationType(kind),
		Time: at.UTC(), Subject: record, Datacontenttype: "application/json"}, mustEncode(data))}
}

// wrap puts data, which is JSON of ours already, into its envelope as it is: the encoder would read it all once more.
func wrap(n api.Notification, data []byte) []byte {
	n.Data = nothing
	whole := mustEncode(n)
	place := bytes.LastIndex(whole, nothing)
	out := make([]byte, 0, len(whole)+len(data))
	out = append(append(out, whole[:place]...), data...)
	return append(out, whole[place+len(nothing):]...)
}

// nothing stands where the data of a notification come. No text of ours holds it: quotes are escaped there.
var nothing = []byte(`{"":""}`)

// mustEncode is for values that always encode: they are made of texts, numbers and times.
func mustEncode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}
