package ami

import (
	"bufio"
	"bytes"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// contestant reads a whole stream and returns how many messages it found.
type contestant struct {
	name string
	read func(stream []byte) int
	took []time.Duration
}

// BenchmarkReader reads the recorded streams in turns, so that all meet the same noise: a scan for line ends that keeps
// nothing, which is the limit; the usual way; ours, that is reading alone; with the look-ups of the mapper; when every
// message is kept, and beside that what the memory for it costs without any reading; and with the mapper itself. of-scan and
// of-map are medians of the ratios within a turn.
func BenchmarkReader(b *testing.B) {
	stream := allTraces(b)
	messages := bytes.Count(stream, []byte("\r\n\r\n"))
	ring := make([]Message, 1024)
	all := []*contestant{
		{name: "scan", read: countEmptyLines},
		{name: "bufio+map", read: countMaps},
		{name: "read", read: func(stream []byte) int { return countOurs(stream, func(*Message) {}) }},
		{name: "looked up", read: func(stream []byte) int { return countOurs(stream, consult()) }},
		{name: "kept", read: func(stream []byte) int { return countOurs(stream, keep(ring)) }},
		{name: "memory", read: func(stream []byte) int { return allocate(ring, len(stream)/messages, messages) }},
		{name: "mapped", read: func(stream []byte) int { return countOurs(stream, mapAll()) }},
	}
	const turns, repeat = 151, 3
	for turn := range turns {
		for i := range all {
			c := all[(turn+i)%len(all)]
			begin := time.Now()
			for range repeat {
				if n := c.read(stream); n < messages { // those that only count take an empty line too many for a message
					b.Fatalf("%s: %d messages, want %d", c.name, n, messages)
				}
			}
			c.took = append(c.took, time.Since(begin)/repeat)
		}
	}
	for _, c := range all {
		allocations := mallocs(func() { c.read(stream) }) / float64(messages)
		b.Run(c.name, func(b *testing.B) { // what was measured above; an op is a message
			once := median(c.took).Seconds()
			b.ReportMetric(once/float64(messages)*1e9, "ns/op")
			b.ReportMetric(float64(len(stream))/once/1e6, "MB/s")
			b.ReportMetric(float64(messages)/once, "msgs/s")
			b.ReportMetric(allocations, "allocs/msg")
			b.ReportMetric(ratio(all[0].took, c.took), "of-scan")
			b.ReportMetric(ratio(all[1].took, c.took), "of-map")
		})
	}
}

// ratio is how many times faster took is than other: the median of the turns.
func ratio(other, took []time.Duration) float64 {
	ratios := make([]float64, len(took))
	for i := range took {
		ratios[i] = float64(other[i]) / float64(took[i])
	}
	return median(ratios)
}

func median[T float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func mallocs(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

// allTraces are the recorded streams in a row, without the greetings.
func allTraces(t testing.TB) (stream []byte) {
	t.Helper()
	for _, wire := range traces(t) {
		for part := range bytes.SplitSeq(wire, []byte(reconnected)) {
			_, part, _ = bytes.Cut(part, []byte("\n"))
			stream = append(stream, part...)
		}
	}
	return stream
}

func countOurs(stream []byte, each func(*Message)) (n int) {
	r := NewReader(bytes.NewReader(stream))
	for {
		m, err := r.Next()
		if err != nil {
			if err != io.EOF || r.Dropped() > 0 {
				return -1
			}
			return n
		}
		n++
		each(m)
	}
}

// keep copies every message, into a ring, as whoever keeps messages forgets them in the end.
func keep(ring []Message) func(*Message) {
	n := 0
	return func(m *Message) {
		ring[n%len(ring)] = m.Keep()
		n++
	}
}

// allocate takes the memory that keep takes for messages of a size: eight bytes for some 15 headers each.
func allocate(ring []Message, size, messages int) int {
	m := Message{fields: make([]byte, 15*placeSize), text: make([]byte, size)}
	for n := range messages {
		ring[n%len(ring)] = m.Keep()
	}
	return messages
}

func mapAll() func(*Message) {
	var f forgery
	now := time.Now()
	return func(m *Message) {
		if !f.found(m) {
			observe(m, now)
		}
	}
}

// consult looks up what the connector and the mapper look up, and makes nothing of it.
func consult() func(*Message) {
	var f forgery
	return func(m *Message) {
		if f.found(m) {
			return
		}
		m.Get("Timestamp")
		m.Get("Uniqueid")
		switch string(m.Event()) {
		case "Newchannel":
			look(m, plainNames, "Exten")
		case "Newstate", "NewCallerid", "NewConnectedLine", "Hold", "Unhold":
			look(m, plainNames)
		case "BridgeEnter", "BridgeLeave":
			look(m, plainNames, "BridgeType", "BridgeUniqueid")
		case "Hangup", "HangupRequest":
			look(m, plainNames, "Cause", "Cause-txt")
		case "DialBegin", "DialState", "DialEnd":
			look(m, plainNames, "DialString", "DialStatus", "Forward")
			look(m, destNames)
		case "Newexten":
			m.Get("Application")
		case "Status":
			look(m, plainNames, "ActionID", "BridgeID", "Application", "DNID", "Seconds")
		}
	}
}

func look(m *Message, n names, more ...string) {
	for _, name := range [...]string{n.channel, n.state, n.number, n.name, n.peerNumber, n.peerName, n.id, n.linked} {
		m.Get(name)
	}
	for _, name := range more {
		m.Get(name)
	}
}

func countMaps(stream []byte) (n int) {
	r, m := bufio.NewReader(bytes.NewReader(stream)), map[string]string{}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return n
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			n++
			m = map[string]string{}
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		m[key] = value
	}
}

func countEmptyLines(rest []byte) (n int) {
	for {
		at := bytes.IndexByte(rest, '\n')
		if at < 0 {
			return n
		}
		if at == 1 && rest[0] == '\r' {
			n++
		}
		rest = rest[at+1:]
	}
}
