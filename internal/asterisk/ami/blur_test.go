package ami

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
	"github.com/callboard-dev/callboard/internal/tracker/trackertest"
)

// Nobody is left in a blurred recording, however the number is written and wherever the name stands.
func TestBlurLeavesNobody(t *testing.T) {
	t.Parallel()
	var wire bytes.Buffer
	// The key is one of which no number becomes one with 555 in it: by chance others do.
	r := &Recorder{Wire: &wire, Blur: &Blur{}, secret: []byte("s3cr3t")}
	r.take([]byte("Asterisk Call Manager/11.0.0\r\nEvent: Newchannel\r\nCallerIDNum: 202-555-0143\r\nCallerIDName: Alice\r\nExten: +1 202 555 0199\r\n"+
		"ConnectedLineNum: 2025550199\r\nURI: sip:alice.smith@203.0.113.9\r\nAppData: Alice Smith calls\r\nCallerIDNum: alice.smith\r\nSecret:hunter22\r\n"+
		"Channel: PJSIP/alice-0000000a\r\nDestChannel: Local/2025550143@sales-0000000b;2\r\nContext: internal\r\nUniqueid: 1795334226.12\r\nContact: [2001:db9:aaaa::17]\r\nDigit: 7\r\n\r\n"+
		"Event: X\r\nCallerIDName: Al\nice Wonder\r\nWonder:Alice\r\nMette Holm: x\r\nName: M\xe9tte Søren\r\n\r\n"), time.UnixMilli(1))
	got := wire.String()
	for _, told := range []string{"555", "alice", "smith", "Alice", "Smith", "Wonder", "ice", "Mette", "Holm", "tte", "ren", "203.0", "db9", "aaaa", "hunter", "sales", "Digit: 7"} {
		if strings.Contains(got, told) {
			t.Errorf("%q is told by\n%s", told, got)
		}
	}
	for _, kept := range []string{bannerPrefix + "11.0.0\r\n", "Event: Newchannel\r\n", "Secret:********\r\n", "Channel: PJSIP/", "-0000000a\r\n", "-0000000b;2\r\n", "Context: internal\r\n",
		"Uniqueid: 1795334226.12\r\n", "URI: sip:"} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is not kept by\n%s", kept, got)
		}
	}
	b := r.Blur
	if b.text("PJSIP/alice") != "PJSIP/"+b.text("alice") || !strings.HasSuffix(b.text("95550199"), b.text("5550199")) || b.text("2100") != "2100" || b.text("0045") != "0045" ||
		strings.ReplaceAll(b.text("202-555-0143"), "-", "") != b.text("2025550143") || b.text("<unknown>") != "<unknown>" {
		t.Error("what is the same is not blurred to the same")
	}
}

// TestBlurredReplay: a tracker concludes the same from a blurred recording, with the blurred numbers and names.
func TestBlurredReplay(t *testing.T) {
	t.Parallel()
	for _, path := range recordings(t) {
		name := filepath.Base(path)
		text, err := os.ReadFile(path + ".ami")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(reconnected)) { // the recorder's own line, not the PBX's
			continue
		}
		times, err := os.ReadFile(path + ".times")
		if err != nil {
			t.Fatal(err)
		}
		plain, err := NewRecording(text, bytes.NewReader(times))
		if err != nil {
			t.Fatal(err)
		}
		var wire, when bytes.Buffer
		r := &Recorder{Wire: &wire, Times: &when, Blur: NewBlur()}
		begin := 0
		for _, each := range plain.reads {
			r.take(text[begin:each.end], each.at)
			begin = each.end
		}
		blurred, err := NewRecording(wire.Bytes(), &when)
		if err != nil {
			t.Fatal(err)
		}
		want, got := conclusions(t, plain, r.Blur.text), conclusions(t, blurred, strings.Clone)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if bytes.Equal(wire.Bytes(), text) {
			t.Errorf("%s: nothing is blurred", name)
		}
	}
}

func conclusions(t *testing.T, r *Recording, shown func(string) string) (lines []string) {
	t.Helper()
	w := trackertest.Watch("1001", "1002")
	if err := r.Replay(w.Observe); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Concluded() {
		for _, p := range []*telephony.Party{&c.AtFirst, &c.Party} {
			p.Number, p.Name, p.RawName = shown(p.Number), shown(p.Name), shown(p.RawName)
		}
		lines = append(lines, fmt.Sprint(c.Extension, c.Direction, c.Result, c.StartedAt.UnixMilli(), c.AtFirst, c.Party))
	}
	return lines
}
