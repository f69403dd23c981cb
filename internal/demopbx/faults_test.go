package demopbx

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// raw connects and reads what the PBX sends to one that logs in and asks for the channels, until it stops for a moment.
func raw(t *testing.T, p *PBX) (string, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "Action: Login\r\nUsername: deaf\r\nSecret: lab-deaf\r\n\r\nAction: BridgeList\r\nActionID: b\r\n\r\nAction: Ping\r\nActionID: p\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var all strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(all.String(), "ActionID: p\r\n") || !strings.HasSuffix(all.String(), "\r\n\r\n") {
		n, err := conn.Read(buf)
		all.Write(buf[:n])
		if err != nil {
			return all.String(), conn
		}
		_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	}
	return all.String(), conn
}

func TestFaults(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed = 0.001 })
	up := parse(t, "0.0 a: 1001 calls 1002\n0.0 a: 1002 answers\n0.0 b: 1003 calls 1004\n0.0 b: 1004 answers\n")
	if err := p.Play(t.Context(), up); err != nil {
		t.Fatal(err)
	}
	good, _ := raw(t, p)
	list := good[strings.Index(good, "Response: Success\r\nActionID: b"):strings.Index(good, "Response: Success\r\nActionID: p")]
	items := strings.SplitAfter(list, "\r\n\r\n")
	beforePing := good[:strings.Index(good, "Response: Success\r\nActionID: p")]
	tests := []struct {
		name   string
		faults Faults
		want   string
	}{
		{"every byte alone", Faults{Chunk: 1}, good},
		{"reset in mid-message", Faults{ResetAfter: 100}, good[:100]},
		{"closed in mid-message", Faults{CloseAfter: 100}, good[:100]},
		{"stall", Faults{StallAfter: 100}, good[:100]},
		{"deaf to pings", Faults{DeafPing: true}, beforePing},
		{"repeated lists", Faults{RepeatLists: true}, strings.Replace(good, list, list+list, 1)},
		{"reversed lists", Faults{ReverseLists: true}, strings.Replace(good, list, items[0]+items[2]+items[1]+items[3], 1)},
		{"wrong count", Faults{Miscount: -1}, strings.Replace(good, "ListItems: 2", "ListItems: 1", 1)},
	}
	for _, test := range tests {
		p.SetFaults(test.faults)
		got, conn := raw(t, p)
		got = cutTimestamp(got)
		if want := cutTimestamp(test.want); got != want {
			t.Errorf("%s: got\n%q\nwant\n%q", test.name, got, want)
		}
		_, err := conn.Read(make([]byte, 1))
		wantErr := map[string]error{"reset in mid-message": syscall.ECONNRESET, "closed in mid-message": io.EOF}[test.name]
		if wantErr == nil {
			wantErr = os.ErrDeadlineExceeded // still open
		}
		if !errors.Is(err, wantErr) && test.faults.ResetAfter == 0 { // the reset has been read already
			t.Errorf("%s: then %v, want %v", test.name, err, wantErr)
		}
		_ = conn.Close()
	}
	if got, _ := raw(t, p); cutTimestamp(got) != cutTimestamp(good) {
		t.Errorf("the connection after the faulty one: %q", got)
	}
}

// cutTimestamp leaves out what differs between two pings.
func cutTimestamp(s string) string {
	i := strings.Index(s, "\r\nTimestamp: ")
	if i < 0 {
		return s
	}
	return s[:i]
}

// TestSplitEverywhere: the same bytes come whatever byte the packets are split at.
func TestSplitEverywhere(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Speed = 0.001 })
	good, _ := raw(t, p)
	good = cutTimestamp(good)
	for at := 1; at < len(good); at += 7 {
		p.SetFaults(Faults{Split: at})
		if got, conn := raw(t, p); cutTimestamp(got) != good {
			t.Fatalf("split at %d: %q", at, got)
		} else {
			_ = conn.Close()
		}
	}
}

func TestStallForAWhile(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Faults = []Faults{{StallAfter: 50, StallFor: 50 * time.Millisecond}} })
	begun := time.Now()
	login(t, p, "deaf").drain()
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("all was there after %v", took)
	}
}

// TestDrip: bytes keep coming, and no answer among them.
func TestDrip(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Faults = []Faults{{DripAfter: 120, DripEvery: time.Millisecond}} })
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "Action: Login\r\nUsername: deaf\r\nSecret: lab-deaf\r\n\r\nAction: Ping\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	got := make([]byte, 200)
	if _, err := io.ReadFull(conn, got); err != nil || !strings.HasSuffix(string(got), strings.Repeat("x", 80)) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestGarbageAndLongLines(t *testing.T) {
	t.Parallel()
	p := startPBX(t, func(o *Options) { o.Faults = []Faults{{Garbage: []byte("\xff\x00 no colon\r\n"), LongLine: 100000}} })
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "Action: Login\r\nUsername: user\r\nSecret: lab-user\r\n\r\n")
	if err := p.WaitSessions(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := p.Play(t.Context(), parse(t, "0.0 1001 calls 1002\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var all strings.Builder
	for buf := make([]byte, 4096); strings.Count(all.String(), "Event: New") < 2; {
		n, err := conn.Read(buf)
		if all.Write(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if got := all.String(); strings.Count(got, strings.Repeat("x", 100000)) != 1 || strings.Count(got, "\xff\x00 no colon\r\nEvent: New") < 2 {
		t.Errorf("got %d bytes: %.300q", len(got), got)
	}
}
