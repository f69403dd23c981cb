package delivery

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

// TestBookmarks: one at the start, then one every 15 s, and one after a thousand changes that were not for this reader (D-5).
func TestBookmarks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := open(t, 0, spelled{})
		server, client := net.Pipe() // no socket of the system's: it goes by a relay
		began := time.Now()
		told := make(chan line, 10_000)
		go func() {
			in := lines{from: client}
			for {
				got, err := in.next()
				if err != nil {
					close(told)
					return
				}
				told <- got
			}
		}()
		h.begin(Asked{Source: "user"}, server, nil)
		for i := range 5 {
			if got := <-told; got.Kind != "bookmark" || time.Since(began) != time.Duration(i)*bookmarkEvery {
				t.Errorf("%s after %v", got.Kind, time.Since(began))
			}
		}
		record := h.lookup(0)
		h.claim(record, board.SourceUser, "Robert")
		var records []string
		for i := range 1250 {
			records = append(records, h.lookup(1+i))
			h.claim(records[i], board.SourceUser, "Robert")
			h.claim(records[i], "crm", "Bob")
			synctest.Wait()
			for len(told) > 0 {
				<-told
			}
		}
		bookmarks := 0
		for i := range 2500 { // what is never shown
			h.claim(records[i/2], "crm", fmt.Sprint("Bob ", i))
			synctest.Wait()
		}
		for len(told) > 0 {
			switch got := <-told; got.Kind {
			case "bookmark":
				bookmarks++
			case board.RecordChanged:
				t.Fatal("a change that is not shown was told")
			}
		}
		if bookmarks < 2 || bookmarks > 3 { // 1,250 of them are not shown in the first part
			t.Errorf("%d bookmarks for 3,750 changes that are not shown, want one a thousand", bookmarks)
		}
		client.Close()
	})
}

// flood makes changes of a few records.
func (h *house) flood(records []string, n int) {
	for i := range n {
		h.claim(records[i%len(records)], board.SourceUser, fmt.Sprint("Name ", i))
	}
}

// TestParked: a reader that stands still holds one block at most, and when it reads on is told all, in order; who reads was
// told all meanwhile (D-7). With memory for few changes most of it comes from the log.
func TestParked(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"socket", "relay"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			h := open(t, 16, spelled{strings.Repeat("p", 2000)})
			records := []string{h.lookup(1), h.lookup(2)}
			quickConn, quick := pair(t)
			slowConn, slow := pair(t)
			if kind == "relay" {
				quickConn, slowConn = plain{quickConn}, plain{slowConn}
			}
			h.begin(Asked{Source: "quick"}, quickConn, nil)
			lazy := h.begin(Asked{Source: "slow"}, slowConn, nil)
			const changes = 2000
			all := make(chan []line)
			go func() { all <- readTo(t, quick, 2+changes) }()
			h.flood(records, changes)
			want := <-all
			if _, parked := h.loop.Streams(); parked == 0 {
				t.Error("the reader that stands still is not parked")
			}
			if lag := h.loop.Lag(); lag == 0 || lag > 2+changes {
				t.Errorf("the slowest reader is %d changes behind", lag)
			}
			lazy.mu.Lock()
			if held := len(lazy.rest) + len(lazy.owed); held > blockAtMost+4096 {
				t.Errorf("%d bytes are held for it", held)
			}
			lazy.mu.Unlock()
			got := readTo(t, slow, 2+changes)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the slow reader was told %d lines, the other %d, or others", len(got), len(want))
			}
			if h.log.asked == 0 {
				t.Error("the log was not asked")
			}
		})
	}
}

// TestForgotten: a reader of which memory lets go of what it misses while it is let in is told all the same, from the log.
func TestForgotten(t *testing.T) {
	t.Parallel()
	h := open(t, 16, spelled{})
	record := h.lookup(1)
	from := h.newest()
	conn, client := pair(t)
	func() {
		h.loop.mu.Lock() // no turn is taken meanwhile
		defer h.loop.mu.Unlock()
		r := h.begin(Asked{Source: "late"}, conn, nil)
		h.loop.inbox.take()
		h.flood([]string{record}, 100)
		h.loop.changes()
		h.loop.bring(r, time.Now())
	}()
	if err := client.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if got := readTo(t, client, h.newest()); uint64(len(got)) != h.newest()-from { // each the next, up to the newest: then all
		t.Errorf("it was told %d changes, want %d", len(got), h.newest()-from)
	}
}

// plain hides what a connection is.
type plain struct{ net.Conn }

// readTo reads the changes up to a seq; each must be the next.
func readTo(t testing.TB, conn net.Conn, seq uint64) (got []line) {
	in := lines{from: conn}
	for {
		l, err := in.next()
		if err != nil {
			t.Errorf("after %d lines: %v", len(got), err)
			return got
		}
		if l.Kind == "bookmark" {
			continue
		}
		if n := len(got); n > 0 && l.Seq != got[n-1].Seq+1 {
			t.Errorf("%d comes after %d", l.Seq, got[n-1].Seq)
		}
		if got = append(got, l); l.Seq == seq {
			return got
		}
	}
}

// TestCoalesced: a reader that asked for it is told, of what it missed, the newest state of each record only, and then where
// that has brought it (D-7).
func TestCoalesced(t *testing.T) {
	t.Parallel()
	h := open(t, 16, spelled{strings.Repeat("p", 2000)})
	records := []string{h.lookup(1), h.lookup(2), h.lookup(3)}
	conn, client := pair(t)
	h.begin(Asked{Source: "slow", Coalesce: true}, conn, nil)
	const changes = 5000
	h.flood(records, changes)
	in := lines{from: client}
	told, coalesced, safe := 0, 0, uint64(0)
	revs := map[string]int64{}
	for newest := h.newest(); safe < newest; {
		l, err := in.next()
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case l.Kind == "newest":
			coalesced++
			revs[l.Record] = max(revs[l.Record], l.Rev)
			continue // its seq is no place to go on from
		case l.Record != "":
			revs[l.Record] = max(revs[l.Record], l.Rev)
		}
		told++
		if l.Seq < safe {
			t.Errorf("%d comes after %d", l.Seq, safe)
		}
		safe = l.Seq
	}
	if coalesced == 0 || told+coalesced > changes/2 {
		t.Errorf("it was told %d lines, %d of them coalesced", told+coalesced, coalesced)
	}
	for _, id := range records {
		if want := h.board.Get(id).Rev; revs[id] != want {
			t.Errorf("of %s it has rev %d, the board %d", id, revs[id], want)
		}
	}
}

// TestReset: when another epoch begins everybody is told to list again, and the stream ends (D-6).
func TestReset(t *testing.T) {
	t.Parallel()
	h := open(t, 0, spelled{})
	conn, client := pair(t)
	h.begin(Asked{Source: "user"}, conn, nil)
	h.lookup(1)
	h.board.NewEpoch("f")
	h.loop.Wake()
	var kinds []string
	in := lines{from: client}
	for {
		l, err := in.next()
		if err != nil {
			break
		}
		kinds = append(kinds, l.Kind)
	}
	if got := strings.Join(kinds, " "); !strings.HasPrefix(got, "bookmark") || !strings.HasSuffix(got, "reset") {
		t.Errorf("told: %s", got)
	}
	if _, err := h.loop.Open(t.Context(), Asked{From: board.Cursor{Epoch: "e", Seq: 1}}); err == nil {
		t.Error("a cursor of the epoch that is over is taken")
	}
}

// TestReplies: they come in the order of the messages, when what they tell is durable; where that cannot be, they say so; and
// who does not read its replies is not read from (D-2).
func TestReplies(t *testing.T) {
	t.Parallel()
	h := open(t, 0, spelled{})
	record := h.lookup(1)
	conn, client := pair(t)
	n := 0
	h.begin(Asked{Source: "crm", Form: WebSocket}, conn, func(message []byte) Reply {
		n++
		name := fmt.Sprintf("%s %d", message, n)
		if string(message) == "now" {
			return Reply{JSON: []byte(name)}
		}
		h.mu.Lock()
		h.held = true
		h.mu.Unlock()
		return Reply{JSON: []byte(name), Seq: h.claim(record, board.SourceUser, name), Refuse: func(err error) []byte { return []byte("refused: " + err.Error()) }}
	})
	in := peer{t: t, conn: client}
	in.until("bookmark")
	in.send("now")
	in.until("now 1")
	in.send("write", "now")
	in.until(board.RecordChanged) // it is shown; that it is durable is not known yet
	h.mu.Lock()
	h.reached = h.newest()
	h.mu.Unlock()
	h.loop.Wake()
	in.until("write 2")
	in.until("now 3")
	in.send("write")
	in.until(board.RecordChanged)
	h.mu.Lock()
	h.problem = errors.New("disk full")
	h.mu.Unlock()
	h.loop.Wake()
	in.until("refused: disk full")
}

// TestDelivered: what was written is told once, in order, and only where there is somebody to write to.
func TestDelivered(t *testing.T) {
	t.Parallel()
	h := open(t, 0, spelled{})
	record := h.lookup(1) // to nobody
	h.loop.turn(time.Now())
	before := h.newest()
	for range 2 {
		conn, _ := pair(t)
		h.begin(Asked{Source: "crm"}, conn, nil)
		h.loop.turn(time.Now())
	}
	h.claim(record, board.SourceUser, "Ann")
	h.claim(record, board.SourceUser, "Anna")
	h.loop.turn(time.Now())
	h.mu.Lock()
	defer h.mu.Unlock()
	var want []uint64
	for seq := before + 1; seq <= h.newest(); seq++ {
		want = append(want, seq)
	}
	if len(want) < 2 || !slices.Equal(h.delivered, want) {
		t.Errorf("told of %v, want %v", h.delivered, want)
	}
}
