package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// plainly decodes a whole stream in the plainest way, without bounds: what a Reader must find in it.
func plainly(wire string) (messages []*plainMessage, dropped int) {
	var m plainMessage
	lines := strings.SplitAfter(wire, "\n")
	for _, line := range lines {
		text, ended := strings.CutSuffix(line, "\n")
		if !ended {
			break // half a line is no line
		}
		text = strings.TrimSuffix(text, "\r")
		if text != "" {
			m.add(text)
			continue
		}
		if len(m.fields) > 0 {
			done := m
			messages = append(messages, &done)
		} else if m.lines > 0 {
			dropped++
		}
		m = plainMessage{}
	}
	return messages, dropped
}

type plainMessage struct {
	fields  [][2]string
	suspect bool
	lines   int
}

func (m *plainMessage) add(line string) {
	m.lines++
	key, value, colon := strings.Cut(line, ":")
	last := len(m.fields) - 1
	switch {
	case !colon || key == "":
		m.suspect = true
		if last >= 0 {
			m.fields[last][1] += "\n" + line
		}
	case last >= 0 && (asciiFold(key) == "event" || asciiFold(key) == "response" && !m.answersOriginate()):
		m.suspect = true
	default:
		m.fields = append(m.fields, [2]string{key, strings.TrimPrefix(value, " ")})
	}
}

func (m *plainMessage) answersOriginate() bool {
	return asciiFold(m.fields[0][0]) == "event" && asciiFold(m.fields[0][1]) == "originateresponse"
}

// asciiFold makes the letters A to Z small, and no others.
func asciiFold(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c >= 'A' && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return string(out)
}

func (m *plainMessage) values(key string) (values []string) {
	for _, f := range m.fields {
		if asciiFold(f[0]) == asciiFold(key) {
			values = append(values, f[1])
		}
	}
	return values
}

// sameAs compares the headers and every way to look them up, of keys that are there and of others.
func (m *plainMessage) sameAs(got *Message, keys []string) error {
	var fields [][2]string
	for _, f := range got.Fields {
		fields = append(fields, [2]string{string(f.Key), string(f.Value)})
	}
	if !slices.Equal(fields, m.fields) || got.Suspect != m.suspect || got.Len() != len(m.fields) {
		return fmt.Errorf("got %q, suspect %v, want %q, %v", fields, got.Suspect, m.fields, m.suspect)
	}
	for _, f := range m.fields {
		keys = append(keys, f[0], asciiFold(f[0]), f[0]+"x")
	}
	for _, key := range keys {
		want := m.values(key)
		first := got.Get(key)
		if (first == nil) != (want == nil) || want != nil && string(first) != want[0] {
			return fmt.Errorf("Get(%q) is %q, want the first of %q", key, first, want)
		}
		if all := got.All(key); !slices.Equal(all, want) {
			return fmt.Errorf("All(%q) is %q, want %q", key, all, want)
		}
		if got.Repeats(key) != (len(want) > 1) {
			return fmt.Errorf("Repeats(%q) is %v with %q", key, got.Repeats(key), want)
		}
	}
	return nil
}

// checkPlainly reads a stream in packets and compares with plainly, each message as it is read and as it is kept.
func checkPlainly(wire string, packets io.Reader) error {
	want, wantDropped := plainly(wire)
	r := NewReader(packets)
	keys := []string{"", "Event", "Response", "Uniqueid", "ActionID"}
	var kept []Message
	for {
		m, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return err
		}
		if len(kept) == len(want) {
			return fmt.Errorf("message %d too many", len(kept))
		}
		if err := want[len(kept)].sameAs(m, keys); err != nil {
			return fmt.Errorf("message %d: %w", len(kept), err)
		}
		kept = append(kept, m.Keep())
	}
	if len(kept) != len(want) || r.Dropped() != wantDropped {
		return fmt.Errorf("%d messages, %d dropped, want %d, %d", len(kept), r.Dropped(), len(want), wantDropped)
	}
	for i := range kept {
		if err := want[i].sameAs(&kept[i], keys); err != nil {
			return fmt.Errorf("message %d, kept: %w", i, err)
		}
	}
	return nil
}

// pieces gives a stream in packets that end at given places, in order.
func pieces(wire string, cuts []int) io.Reader {
	var parts []io.Reader
	from := 0
	for _, cut := range append(cuts, len(wire)) {
		if cut > from && cut <= len(wire) {
			parts = append(parts, strings.NewReader(wire[from:cut]))
			from = cut
		}
	}
	return io.MultiReader(parts...)
}

// A Reader finds what the plainest decoder finds, in any bytes, wherever the packets end.
func TestReaderIsPlain(t *testing.T) {
	t.Parallel()
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"\r\n", "\n", "\r", "\r\n\r\n", ":", "::\n", "a\n", ": ", " ", "Event", "event: ", "Response: ", "Event: OriginateResponse\r\n",
			"Event: A\r\n", "Uniqueid: 1.2\r\n", "Variable: a=b:c\r\n", "Linkedid: 1.1\n", "DestUniqueid:\r\n", "no colon\r\n", "\x00", "\x8a\xba\x0b;", "\xff"}),
		rapid.StringMatching(`[A-Za-z-]{1,40}: [ -~]{0,80}\r\n`),
		rapid.StringN(0, 90, -1))
	rapid.Check(t, func(t *rapid.T) {
		wire := strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "wire"), "")
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(wire)), 0, 6).Draw(t, "cuts")
		slices.Sort(cuts)
		if err := checkPlainly(wire, pieces(wire, cuts)); err != nil {
			t.Fatal(err)
		}
	})
}

// The same for a stream cut in two at every byte, and with every distance between line ends, colons and the blocks of 64 bytes.
func TestReaderAtEveryByte(t *testing.T) {
	t.Parallel()
	for n := range 140 {
		wire := "Event: A\r\nKey" + strings.Repeat("y", n) + ": a:b\r\ntorn\r\nX:" + strings.Repeat(" ", n) + "\n\nResponse: B\r\nUniqueid: 1\r\nuniqueID: 2\r\n\r\n"
		for cut := range wire {
			if err := checkPlainly(wire, pieces(wire, []int{cut})); err != nil {
				t.Fatalf("with %d, cut at byte %d: %v", n, cut, err)
			}
		}
	}
}

// A message with more headers than its slots can number.
func TestManyHeaders(t *testing.T) {
	t.Parallel()
	for _, n := range []int{255, 256, 257, 300, MaxHeaders} {
		var wire strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&wire, "%c%0*d: %d\r\n", 'A'+i%26, 1+i%7, i, i)
		}
		wire.WriteString("Last: 1\r\n\r\n")
		if err := checkPlainly(wire.String(), strings.NewReader(wire.String())); err != nil {
			t.Errorf("%d headers: %v", n, err)
		}
	}
}

// Every recorded message is accepted, and its headers, repeated ones too, are the bytes that came.
func TestTracesRoundTrip(t *testing.T) {
	t.Parallel()
	stream, repeated := allTraces(t), 0
	want := strings.SplitAfter(string(stream), "\r\n\r\n")
	r := NewReader(bytes.NewReader(stream))
	n := 0
	for ; ; n++ {
		m, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept := m.Keep()
		var wire strings.Builder
		seen := map[string]bool{}
		for _, f := range kept.Fields {
			fmt.Fprintf(&wire, "%s: %s\r\n", f.Key, f.Value)
			if key := string(f.Key); seen[key] {
				repeated++
				if len(kept.All(key)) < 2 || !kept.Repeats(key) {
					t.Errorf("message %d: %s is not found twice", n, key)
				}
			} else {
				seen[key] = true
			}
		}
		if got := wire.String() + "\r\n"; got != strings.TrimLeft(want[n], "\r\n") || kept.Suspect {
			t.Errorf("message %d is\n%s, suspect %v, want\n%s", n, got, kept.Suspect, want[n])
		}
	}
	if n != len(want)-1 || want[n] != "" || r.Dropped() != 0 || repeated == 0 {
		t.Errorf("%d messages of %d, %d dropped, %d repeated headers", n, len(want)-1, r.Dropped(), repeated)
	}
}

func TestAllocations(t *testing.T) {
	stream := allTraces(t)
	messages := float64(bytes.Count(stream, []byte("\r\n\r\n")))
	ring := make([]Message, 64)
	for name, each := range map[string]func(*Message){"read": func(*Message) {}, "consult": consult()} {
		if n := testing.AllocsPerRun(3, func() { countOurs(stream, each) }); n > 10 {
			t.Errorf("%s allocates %v times for a stream", name, n)
		}
	}
	if n := testing.AllocsPerRun(3, func() { countOurs(stream, keep(ring)) }); n > messages+10 {
		t.Errorf("keeping allocates %v times for %v messages", n, messages)
	}
}

// find is what it is in plain Go.
func TestFind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 16).Draw(t, "blocks")
		text := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\n\n::\r;\x0b\x8a\xba\x09"))), n*blockSize, n*blockSize).Draw(t, "text")
		got, want := blocks{n: n}, blocks{n: n}
		find(&got, text)
		findInWords(&want, text)
		for i, c := range text {
			bit := uint64(1) << (i % blockSize)
			if (want.ends[i/blockSize]&bit != 0) != (c == '\n') || (want.colons[i/blockSize]&bit != 0) != (c == ':') {
				t.Fatalf("byte %d, %q: plain Go is wrong", i, c)
			}
		}
		if got != want {
			t.Fatalf("got %x, want %x", got, want)
		}
	})
}

// FuzzDecode reads any bytes in packets as the plainest decoder does.
func FuzzDecode(f *testing.F) {
	for _, wire := range traces(f) {
		f.Add(wire[len(wire)-min(len(wire), 1500):], uint16(64))
	}
	for _, wire := range []string{"Event: A\r\nX: a\r\nb\r\n\r\n", ":\n\nA:\n\n", "Event: OriginateResponse\nResponse: x\nresponse: y\n\n", "a\r\r\n\r\n\x0b\n;:\n\n", "K: 1\nk: 2\n\n",
		"000\n::\n\n"} {
		f.Add([]byte(wire), uint16(0))
	}
	f.Fuzz(func(t *testing.T, wire []byte, size uint16) {
		if len(wire) > MaxLine || bytes.Count(wire, []byte("\n")) > MaxHeaders {
			return // plainly has no bounds
		}
		if err := checkPlainly(string(wire), &packets{bytes.NewReader(wire), int(size)%2000 + 1}); err != nil {
			t.Fatal(err)
		}
	})
}
