package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const banner = "Asterisk Call Manager/11.0.0\r\n"

// readAll reads a stream to its end.
func readAll(r io.Reader) (messages []*Message, dropped int, err error) {
	reader := NewReader(r)
	if _, err := reader.Banner(); err != nil {
		return nil, 0, err
	}
	for {
		m, err := reader.Next()
		if err != nil {
			return messages, reader.Dropped(), err
		}
		kept := m.Keep()
		messages = append(messages, &kept)
	}
}

// text writes messages as "Key=value|Key=value", suspect ones with a question mark.
func text(messages []*Message) string {
	var out []string
	for _, m := range messages {
		var fields []string
		for _, f := range m.Fields {
			fields = append(fields, string(f.Key)+"="+string(f.Value))
		}
		line := strings.Join(fields, "|")
		if m.Suspect {
			line += "?"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestReader(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, wire, want string }{ // "-" stands for one that was dropped
		{"two messages", "Event: A\r\nX: 1\r\n\r\nResponse: Success\r\nX: 2\r\n\r\n", "Event=A|X=1\nResponse=Success|X=2"},
		{"bare line feeds", "Event: A\nX: 1\n\nEvent: B\n\n", "Event=A|X=1\nEvent=B"},
		{"empty lines between", "\r\n\r\nEvent: A\r\n\r\n\r\n\n\r\nEvent: B\r\n\r\n", "Event=A\nEvent=B"},
		{"colons, spaces and nothing in a value", "Event: A\r\nX: a: b:c \r\nY:\r\nZ:  two\r\nQ:x\r\n\r\n", "Event=A|X=a: b:c |Y=|Z= two|Q=x"},
		{"repeated names", "Event: A\r\nVariable: a=1\r\nVariable: b=2\r\n\r\n", "Event=A|Variable=a=1|Variable=b=2"},
		{"a line without a colon", "Event: A\r\nName: Bob\r\nCaller\r\nX: 1\r\n\r\n", "Event=A|Name=Bob\nCaller|X=1?"},
		{"several of them", "Event: A\r\nName: a\r\nb\nc\r\n:d\r\nX: 1\r\n\r\n", "Event=A|Name=a\nb\nc\n:d|X=1?"},
		{"first of all", "Caller\r\nEvent: A\r\n\r\n", "Event=A?"},
		{"nothing but that", "Caller\r\n\r\nEvent: A\r\n\r\n", "Event=A-"},
		{"an Event that is not the first", "Event: A\r\nNum: 12\r\nevent: Hangup\r\nX: 1\r\n\r\n", "Event=A|Num=12|X=1?"},
		{"a Response that is not the first", "Event: A\r\nResponse: Success\r\n\r\n", "Event=A?"},
		{"but OriginateResponse has one", "Event: OriginateResponse\r\nResponse: Failure\r\n\r\n", "Event=OriginateResponse|Response=Failure"},
		{"control bytes stay", "Event: A\r\nX: a\x00b\rc\xff\r\n\r\n", "Event=A|X=a\x00b\rc\xff"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			messages, dropped, err := readAll(strings.NewReader(banner + test.wire))
			want := strings.TrimRight(test.want, "-")
			if got := text(messages); got != want || dropped != len(test.want)-len(want) || !errors.Is(err, io.EOF) {
				t.Errorf("got\n%s\ndropped %d, %v; want\n%s", got, dropped, err, test.want)
			}
			checkSplits(t, banner+test.wire, want)
		})
	}
}

// checkSplits reads a stream cut in two at every byte, and byte by byte.
func checkSplits(t *testing.T, wire, want string) {
	t.Helper()
	for at := range len(wire) {
		messages, _, _ := readAll(io.MultiReader(strings.NewReader(wire[:at]), strings.NewReader(wire[at:])))
		if got := text(messages); got != want {
			t.Fatalf("cut at byte %d it reads\n%s\nwant\n%s", at, got, want)
		}
	}
	messages, _, _ := readAll(iotest.OneByteReader(strings.NewReader(wire)))
	if got := text(messages); got != want {
		t.Errorf("byte by byte it reads\n%s\nwant\n%s", got, want)
	}
}

// Messages beyond the bounds are dropped and counted; the next one is read rightly, wherever the packets end.
func TestReaderBounds(t *testing.T) {
	t.Parallel()
	next := "Event: Next\r\n\r\n"
	headers := func(n int) string { return strings.Repeat("X: 1\r\n", n) }
	tests := []struct {
		name, wire string
		dropped    int
		messages   int
	}{
		{"a line at the bound", "Event: A\r\nX: " + strings.Repeat("a", MaxLine-3) + "\r\n\r\n", 0, 2},
		{"a line beyond it", "Event: A\r\nX: " + strings.Repeat("a", MaxLine-2) + "\r\n\r\n", 1, 1},
		{"a giant line", "Event: A\r\nX: " + strings.Repeat("a", 3*MaxMessage) + "\r\nY: 1\r\n\r\n", 1, 1},
		{"headers at the bound", "Event: A\r\n" + headers(MaxHeaders-1) + "\r\n", 0, 2},
		{"one beyond it", "Event: A\r\n" + headers(MaxHeaders) + "\r\n", 1, 1},
		{"a giant message", "Event: A\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 2000) + "\r\n", 1, 1},
		{"a giant message of lines without a colon", "Event: A\r\n" + strings.Repeat("a\r\n", MaxMessage/2) + "\r\n", 1, 1},
		{"many lines without a colon", "Event: A\r\n" + strings.Repeat("a\n", MaxMessage/4) + "\r\n", 0, 2},
		{"two giants", strings.Repeat("Event: A\r\nX: "+strings.Repeat("a", 2*MaxLine)+"\r\n\r\n", 2), 2, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1 << 20, 32 << 10, 4097, 777} {
				messages, dropped, err := readAll(&packets{strings.NewReader(banner + test.wire + next), size})
				if len(messages) != test.messages || dropped != test.dropped || !errors.Is(err, io.EOF) || text(messages[len(messages)-1:]) != "Event=Next" {
					t.Errorf("in packets of %d: %d messages, %d dropped, %v; want %d and %d", size, len(messages), dropped, err, test.messages, test.dropped)
				}
			}
		})
	}
}

// A giant line whose packet ends between CR and LF is not the end of the message.
func TestGiantLineCutBeforeItsLF(t *testing.T) {
	t.Parallel()
	for size := MaxLine; size < 6*MaxLine; size += 1000 { // so that the rest is sometimes short and sometimes long
		head := banner + "Event: A\r\nX: " + strings.Repeat("a", size) + "\r"
		messages, dropped, _ := readAll(io.MultiReader(strings.NewReader(head), strings.NewReader("\nEvent: Forged\r\n\r\nEvent: Next\r\n\r\n")))
		if got := text(messages); got != "Event=Next" || dropped != 1 {
			t.Fatalf("after %d bytes: got %s, dropped %d", size, got, dropped)
		}
	}
}

// packets gives at most so many bytes at a time.
type packets struct {
	r    io.Reader
	size int
}

func (p *packets) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.size)]) }

func TestReaderEnds(t *testing.T) {
	t.Parallel()
	broken := errors.New("reset")
	for wire, want := range map[string]error{
		"":                         io.EOF,
		"\r\n":                     io.EOF,
		"Event: A\r\n\r\n":         io.EOF,
		"Event: A\r\n\r\nEvent: B": io.ErrUnexpectedEOF,
		"Event: A\r\n":             io.ErrUnexpectedEOF,
		"E":                        io.ErrUnexpectedEOF,
	} {
		messages, _, err := readAll(strings.NewReader(banner + wire))
		if !errors.Is(err, want) || len(messages) != strings.Count(wire, "\r\n\r\n") {
			t.Errorf("%q ends with %v after %d messages, want %v", wire, err, len(messages), want)
		}
		if _, _, err := readAll(io.MultiReader(strings.NewReader(banner+wire), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("%q, then an error: %v", wire, err)
		}
	}
	r := NewReader(strings.NewReader(banner + "Event: A"))
	_, _ = r.Banner()
	for range 3 {
		if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("asked again: %v", err)
		}
	}
	if _, _, err := readAll(idle{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestBanner(t *testing.T) {
	t.Parallel()
	for wire, want := range map[string]string{banner: "11.0.0", "Asterisk Call Manager/2.10.4\n": "2.10.4", "Asterisk Call Manager/\r\n": ""} {
		if got, err := NewReader(iotest.OneByteReader(strings.NewReader(wire))).Banner(); err != nil || got != want {
			t.Errorf("%q: %q, %v", wire, got, err)
		}
	}
	for _, wire := range []string{"HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "\r\n", "\x15\x03\x01\x00\x02", "Asterisk Call Manager", "asterisk call manager/1\r\n",
		bannerPrefix + strings.Repeat("1", 1000)} {
		reader := NewReader(io.MultiReader(strings.NewReader(wire), idle{}))
		if wire == "Asterisk Call Manager" {
			continue // it may yet go on
		}
		if _, err := reader.Banner(); !errors.Is(err, ErrNotAMI) {
			t.Errorf("%.30q: %v, want ErrNotAMI", wire, err)
		}
	}
	if _, err := NewReader(strings.NewReader("Asterisk Call")).Banner(); !errors.Is(err, io.EOF) {
		t.Errorf("half a greeting: %v", err)
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	messages, _, _ := readAll(strings.NewReader(banner + "Event: A\r\nUniqueID: 1.2\r\nVariable: a\r\nvariable: b\r\nName: <unknown>\r\nN: 12\r\nM: 12x\r\n\r\n"))
	m := messages[0]
	if string(m.Get("uniqueid")) != "1.2" || m.Get("None") != nil || m.Text("Name") != "" || m.Text("None") != "" {
		t.Error("Get or Text")
	}
	if got := fmt.Sprint(m.All("Variable")); got != "[a b]" {
		t.Errorf("All: %s", got)
	}
	if m.Int("N", 7) != 12 || m.Int("M", 7) != 7 || m.Int("None", 7) != 7 {
		t.Error("Int")
	}
	if string(m.Event()) != "A" || m.Response() != nil || (&Message{}).Event() != nil {
		t.Error("Event or Response")
	}
}

// escape is ast_escape_c of Asterisk's utils.c.
func escape(s string) string {
	return strings.NewReplacer("\a", `\a`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`, `\`, `\\`, `'`, `\'`, `"`, `\"`, `?`, `\?`).Replace(s)
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "plain": "plain", `O\'Brien`: "O'Brien", `a\r\nb`: "a\r\nb", `\\n`: `\n`, `\x41`: `\x41`, `end\`: `end\`, `\\`: `\`, `\?\"`: `?"`, "Å": "Å"} {
		if got := Unescape(in); got != want {
			t.Errorf("Unescape(%q) is %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\\'\"?nrt\r\n")))).Draw(t, "name"))
		if got := Unescape(escape(s)); got != s {
			t.Fatalf("%q escaped is %q, and that undone %q", s, escape(s), got)
		}
	})
}

// traces are the recorded streams.
func traces(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../../testdata/traces/*.ami")
	if err != nil || len(files) < 9 {
		t.Fatalf("found %d traces (%v), want 9 or more", len(files), err)
	}
	out := map[string][]byte{}
	for _, file := range files {
		wire, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(file)] = wire
	}
	return out
}

// FuzzReader reads any bytes, whole and in packets: no panic, no endless loop, the same messages, all within the bounds.
func FuzzReader(f *testing.F) {
	for _, wire := range traces(f) {
		f.Add(wire[:min(len(wire), 3000)], uint16(100))
		f.Add(wire[len(wire)-min(len(wire), 2000):], uint16(7))
	}
	for _, wire := range []string{"Event: A\r\nX: a\r\nb\r\n\r\n", "Event: A\nEvent: B\n\n", "\r\n\r\n:\r\n", "Event: A\r\nNum: 1\r\n\r\nEvent: Hangup\r\n\r\nx\r\n\r\n"} {
		f.Add([]byte(wire), uint16(1))
	}
	f.Fuzz(func(t *testing.T, wire []byte, size uint16) {
		stream := append([]byte(banner), wire...)
		whole, dropped, err := readAll(bytes.NewReader(stream))
		cut, cutDropped, cutErr := readAll(&packets{bytes.NewReader(stream), int(size)%2000 + 1})
		if text(whole) != text(cut) || dropped != cutDropped || fmt.Sprint(err) != fmt.Sprint(cutErr) {
			t.Fatalf("whole it reads\n%s\n%d, %v\nin packets\n%s\n%d, %v", text(whole), dropped, err, text(cut), cutDropped, cutErr)
		}
		for _, m := range whole {
			if m.Len() == 0 || m.Len() > MaxHeaders {
				t.Fatalf("%d fields", m.Len())
			}
			for i, field := range m.Fields {
				if len(field.Key) == 0 || bytes.ContainsAny(field.Key, "\n:") || !m.Suspect && bytes.Contains(field.Value, []byte("\n")) {
					t.Fatalf("field %d is %q: %q", i, field.Key, field.Value)
				}
			}
			observe(m, fuzzNow)
			snapshotLeg(m)
			new(forgery).found(m)
		}
	})
}
