package ami

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/demopbx"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestRecordAndReplay records a demo PBX with a break in the link, byte by byte, and replays what a Connector reported.
func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, func(o *demopbx.Options) { o.Speed = 1 })
	pbx.WriteChunk(1)
	scenario, err := demopbx.ParseScenario("record", strings.NewReader("0.0 outside +4512345678 \"Mette Holm\" calls 5550101, rings 1001\n0.05 1001 answers\n0.1 outside hangs up\n"))
	if err != nil {
		t.Fatal(err)
	}
	var wire, times bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	links, ups := make(chan telephony.LinkState, 100), 0
	r := &Recorder{Wire: &wire, Times: &times, Progress: func(p Progress) {
		if p.Link != nil {
			links <- p.Link.State
		}
		if ups == 2 && bytes.Count(wire.Bytes(), []byte("Event: Hangup\r\n")) >= 2 && bytes.HasSuffix(wire.Bytes(), []byte("\r\n\r\n")) {
			cancel()
		}
		if p.Link != nil && p.Link.State == telephony.LinkConnected {
			ups++
		}
	}}
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, settings(pbx)) }()
	await := func(want telephony.LinkState) {
		t.Helper()
		for {
			select {
			case state := <-links:
				if state == want {
					return
				}
			case <-ctx.Done():
				t.Fatalf("the link is not %s", want)
			}
		}
	}
	await(telephony.LinkConnected)
	pbx.DropConnections(false)
	await(telephony.LinkConnected)
	if err := pbx.Play(ctx, scenario); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if strings.Contains(wire.String(), secret) || !strings.Contains(wire.String(), "\n"+reconnected+bannerPrefix) {
		t.Errorf("recorded:\n%s", wire.String())
	}
	recording, err := NewRecording(wire.Bytes(), &times)
	if err != nil {
		t.Fatal(err)
	}
	var facts []string
	if err := recording.Replay(func(o telephony.Observation) {
		facts = append(facts, reflect.TypeOf(o.Fact).Name())
		if now := time.Now(); o.ObservedAt.After(now) || now.Sub(o.ObservedAt) > time.Minute {
			t.Errorf("%T at %v", o.Fact, o.ObservedAt)
		}
	}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(facts, " ")
	if !strings.HasPrefix(got, "LinkUp Snapshot LinkLost LinkUp Snapshot LegAdded") || strings.Count(got, "LegGone") != 2 {
		t.Errorf("replayed %s", got)
	}
	if recording.Begin().IsZero() {
		t.Error("it does not say when it began")
	}
}

func TestRecordStarsAndBlurs(t *testing.T) {
	t.Parallel()
	const said = "Event: X\r\nSecret: hunter2hunter2\r\nNote: my s3cr3t word\r\nPassword:\r\nCallerIDName: Mette Holm\r\nConnectedLineName: <unknown>\r\n" +
		"CallerIDNum: +4512345678\r\nExten: 1001\r\nAppData: PJSIP/4512345678@trunk\r\nTimestamp: 1795334226.737806\r\nDestCallerIDName: Mette Holm\r\nhalf"
	for _, size := range []int{1, 7, 1000} {
		var plain, blurred, times bytes.Buffer
		one := &Recorder{Wire: &plain, Times: &times, secret: []byte("s3cr3t")}
		two := &Recorder{Wire: &blurred, secret: []byte("s3cr3t"), Blur: NewBlur()}
		for text := said; text != ""; text = text[min(size, len(text)):] {
			one.take([]byte(text[:min(size, len(text))]), time.UnixMilli(1000))
			two.take([]byte(text[:min(size, len(text))]), time.UnixMilli(1000))
		}
		want := strings.Replace(strings.Replace(said, "hunter2hunter2", "**************", 1), "s3cr3t", "******", 1)
		if want = strings.TrimSuffix(want, "half"); plain.String() != want {
			t.Errorf("by %d: kept %q, want %q", size, plain.String(), want)
		}
		lines := strings.Split(blurred.String(), "\r\n")
		number, _ := strings.CutPrefix(lines[6], "CallerIDNum: +")
		_, called, _ := strings.Cut(lines[4], ": ")
		if len(called) != len("Mette Holm") || called == "Mette Holm" || lines[10] != "DestCallerIDName: "+called || lines[5] != "ConnectedLineName: <unknown>" || lines[7] != "Exten: 1001" ||
			len(number) != 10 || number == "4512345678" || !strings.HasPrefix(lines[8], "AppData: PJSIP/"+number+"@") || lines[9] != "Timestamp: 1795334226.737806" {
			t.Errorf("blurred: %q", lines)
		}
		if !strings.HasPrefix(times.String(), "0 ") || !strings.HasSuffix(times.String(), " 1000\n") {
			t.Errorf("times: %q", times.String())
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestRecordEnds: what makes a recording impossible is said.
func TestRecordEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	pbx := startPBX(t, nil)
	if err := (&Recorder{Wire: full{}}).Run(ctx, settings(pbx)); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("a full disk: %v", err)
	}
	wrong := settings(pbx)
	wrong.Secret = "wrong"
	err := (&Recorder{Wire: io.Discard}).Run(ctx, wrong)
	if _, ok := errors.AsType[*connector.Failure](err); !ok || !strings.Contains(err.Error(), "pbx.secret") {
		t.Errorf("a wrong password: %v", err)
	}
}
