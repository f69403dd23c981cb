package client

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/callboard-dev/callboard/api"
)

func frames(r io.Reader, limit int) (out []string, err error) {
	s := newSSEReader(r, limit)
	for {
		b, err := s.next()
		if err != nil {
			return out, err
		}
		out = append(out, string(b))
	}
}

// The first cases are the examples of the WHATWG HTML standard, section 9.2.6.
func TestSSEReader(t *testing.T) {
	for _, test := range []struct {
		in   string
		want []string
	}{
		{"data: YHOO\ndata: +2\ndata: 10\n\n", []string{"YHOO\n+2\n10"}},
		{": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", []string{"first event", "second event", " third event"}},
		{"data\n\ndata\ndata\n\ndata:", []string{"", "\n"}},
		{"data:test\n\ndata: test\n\n", []string{"test", "test"}},
		{"data: a\r\rdata: b\r\n\r\ndata: c\n\ndata: d\r\n\n", []string{"a", "b", "c", "d"}},
		{"\ufeffdata: a\n\n\ufeffdata: b\n\n", []string{"a"}},
		{"id: 1\nevent: x\n\ndata: a\n\n", []string{"a"}},
		{"data: a\ndata: half", nil},
		{"data: a\n", nil},
		{"dataset: a\nDATA: b\n data: c\n\n", nil},
		{"data: a:b: c\n\n", []string{"a:b: c"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(test.in), iotest.OneByteReader(strings.NewReader(test.in)), iotest.DataErrReader(strings.NewReader(test.in))} {
			got, err := frames(r, 1000)
			if !slices.Equal(got, test.want) || err != io.EOF {
				t.Errorf("%q gives %q and %v, want %q", test.in, got, err, test.want)
			}
		}
	}
}

func TestSSEReaderIsBounded(t *testing.T) {
	for _, in := range []string{"data: " + strings.Repeat("a", 200), strings.Repeat("data: aaaaaaaa\n", 20), ": " + strings.Repeat("a", 200)} {
		_, err := frames(strings.NewReader(in), 100)
		if _, ok := errors.AsType[*badFrame](err); !ok {
			t.Errorf("%.20q… gives %v", in, err)
		}
	}
}

// However the bytes are split, the frames are the same, and they are within the bound.
func FuzzSSEReader(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "data: a\r\ndata: b\r\n\r\n", "\ufeffdata\r\rid: 3\r\r", ": x\n\n\n", "data: {\"type\":\"work\"}\n\nevent: reset\ndata: {}\n\n",
		"data:" + strings.Repeat("x", 300) + "\n\n", "\x00\xff\r\n\r"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		const limit = 256
		whole, err1 := frames(bytes.NewReader(in), limit)
		parts, err2 := frames(&splitReader{in: in, n: int(n)%7 + 1}, limit)
		if !slices.Equal(whole, parts) || (err1 == io.EOF) != (err2 == io.EOF) {
			t.Errorf("whole %q (%v), in parts %q (%v)", whole, err1, parts, err2)
		}
		for _, frame := range whole {
			if len(frame) > limit || strings.ContainsRune(frame, '\r') {
				t.Errorf("frame %q", frame)
			}
		}
	})
}

type splitReader struct {
	in []byte
	n  int
}

func (s *splitReader) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.in[:min(s.n, len(s.in))])
	s.in = s.in[n:]
	return n, nil
}

func TestSeen(t *testing.T) {
	for _, test := range []struct {
		cursor, id string
		want       bool
	}{
		{"a:5", "a:5", true}, {"a:5", "a:4", true}, {"a:5", "a:6", false}, {"a:9", "a:10", false}, {"a:5", "b:1", false},
		{"a:b:5", "a:b:2", true}, {"", "a:1", false}, {"a:5", "", false}, {"a:x", "a:1", false}, {"a:5", "a:-1", false},
		{"a:18446744073709551615", "a:18446744073709551616", false},
	} {
		if got := seen(test.cursor, test.id); got != test.want {
			t.Errorf("seen(%q, %q) is %v", test.cursor, test.id, got)
		}
	}
}

// FuzzApply: whatever a notification holds, bringing it into a record neither panics nor changes the record before.
func FuzzApply(f *testing.F) {
	f.Add("record.changed", []byte(`{"rev":2,"source":"crm","wave":1,"round":1,"fields":{"party.name":null,"party.company":{"value":"x"}}}`))
	f.Add("item.removed", []byte(`{"rev":2,"list":"notes","item":{"id":"n1","source":"user"}}`))
	f.Add("record.opened", []byte(`{"rev":1,"record":{"id":"r1","fields":null}}`))
	f.Add("call.ended", []byte(`{"rev":1,"call":{"id":"c","result":"missed"}}`))
	f.Add("record.settled", []byte(`{"rev":1,"unanswered":null}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		r := &Record{}
		r.ID, r.Rev = "r1", 1
		r.Fields = nil
		r.Items = map[string][]Item{"notes": {{ID: "n1", Source: "user", Text: "before"}}}
		n := Notification{}
		n.Data, n.Subject = data, "r1"
		n.Type = api.NotificationType(kind)
		next, err := r.with(n)
		if r.Items["notes"][0].Text != "before" || len(r.Items) != 1 || r.Rev != 1 || r.Fields != nil {
			t.Error("the record before was changed")
		}
		if err == nil {
			_ = next.Value("x")
			_ = next.Notes()
		}
	})
}
