package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is what a person sees; it can be waited on.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(b)
}

func (s *screen) wait(t *testing.T, ctx context.Context, want string) string {
	t.Helper()
	for {
		s.mu.Lock()
		text, changed := s.text.String(), s.changed
		s.mu.Unlock()
		if strings.Contains(text, want) {
			return text
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("no %q on the screen:\n%s", want, text)
		}
	}
}

func TestUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	keys, typing := io.Pipe()
	defer typing.Close()
	out := &screen{changed: make(chan struct{})}
	done := make(chan error, 1)
	net := fmt.Sprintf("127.%d.%d", 1+rand.IntN(254), rand.IntN(256))
	go func() {
		done <- run(ctx, []string{"up", "-net", net, "-desks", "1001, 1006"}, keys, out)
	}()
	text := out.wait(t, ctx, "Ctrl-C ends the lab.")
	_, config, _ := strings.Cut(text, "callboard.yaml for 1001:")
	config, _, _ = strings.Cut(config, "call NUMBER")
	var parsed map[string]any
	if err := yaml.Unmarshal([]byte(config), &parsed); err != nil || parsed["pbx"] == nil || parsed["line"] == nil {
		t.Errorf("the callboard.yaml snippet: %v\n%s", err, config)
	}
	for _, step := range []struct{ typed, seen string }{
		{"call 1001 4512345678 Jørgen Møller", "1001 rings: Jørgen Møller <4512345678>"},
		{"answer", "1001: answer"},
		{"transfer 1001 1006", "1006 rings: Jørgen Møller <4512345678>"},
		{"status", "PJSIP/1006-"},
		{"hangup 1006", "1006: call ended"},
		{"dial 1006 95550199", "outside rings: Lab Company <5551000>"},
		{"hangup outside", "outside: hangup"},
		{"hangup 1002", "no call to hangup"},
		{"dial 1003 1001", "the lab does not play 1003"},
		{"log 1001", "saw  INVITE"},
		{"what", "blind"},
		{"quit", "stopping"},
	} {
		fmt.Fprintln(typing, step.typed)
		out.wait(t, ctx, step.seen)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"down"}, {"up", "now"}, {"up", "-ring-every", "often"}, {"up", "-net", "10.0.0"},
		{"record"}, {"record", "-only", "nothing", t.TempDir()}, {"record", "-parallel", "0", t.TempDir()}} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%q is no error", args)
		}
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"record", "-only", "93", "-list"}, strings.NewReader(""), &out); err != nil || !strings.Contains(out.String(), "outbound-busy") {
		t.Errorf("the list: %v %s", err, out.String())
	}
	folder := t.TempDir()
	if err := run(t.Context(), []string{"record", "-only", "93, internal-busy", folder}, strings.NewReader(""), &out); err != nil {
		t.Fatal(err)
	}
	if files, err := filepath.Glob(filepath.Join(folder, "*.ami")); err != nil || len(files) != 2 {
		t.Errorf("recorded %v (%v), want two flows", files, err)
	}
}
