package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// TestMetrics: what the whole program did in a call is in its metrics, the way from the PBX to the apps among it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, 1)
	p := start(t, settings(pbx.Addr(), t.TempDir()))
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 "Mette Holm" calls 5550101, rings 1001
0.2 1001 answers
0.4 outside hangs up`))
	p.until("the end", kind(string(telephony.CallEnded)))
	wants := []string{`callboard_calls_total{direction="inbound",result="answered"} 1`, "callboard_pbx_connected 1", "callboard_store_problem 0", "callboard_streams_open 1",
		"callboard_streams_parked 0", "callboard_pbx_to_app_seconds_count", "callboard_settle_seconds_count", "callboard_commit_seconds_count", "go_goroutines"}
	limit := time.Now().Add(patience)
	for {
		text := p.metrics()
		missing := ""
		for _, want := range wants {
			if !strings.Contains(text, "\n"+want+" ") && !strings.Contains(text, "\n"+want+"\n") || strings.Contains(text, "\n"+want+" 0\n") {
				missing = want
			}
		}
		if strings.Contains(text, "Mette") || strings.Contains(text, "4512345678") {
			t.Fatal("it says who called")
		}
		if missing == "" {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s is missing in:\n%s", missing, text)
		}
		time.Sleep(time.Millisecond) // the log is followed beside the streams
	}
}

func (p *program) metrics() string {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), "GET", p.app.URL()+"/v1/metrics", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.app.UserToken())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		p.t.Fatalf("%d %s %v", res.StatusCode, res.Header.Get("Content-Type"), err)
	}
	return string(text)
}

// TestTraces: with an endpoint in the configuration a collector is sent what happened, at the latest when the program ends.
func TestTraces(t *testing.T) {
	t.Parallel()
	sent := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent <- r.Method + " " + r.URL.Path }))
	defer collector.Close()
	pbx := startPBX(t, 1)
	c := settings(pbx.Addr(), t.TempDir())
	c.Traces.Endpoint = collector.URL
	p := start(t, c)
	p.connected()
	play(t, pbx, scenario(t, `0.0 outside +4512345678 calls 5550101, rings 1001
0.2 1001 answers
0.4 outside hangs up`))
	p.until("the end", kind(string(telephony.CallEnded)))
	for limit := time.Now().Add(patience); !strings.Contains(p.metrics(), "\ncallboard_calls_total{"); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("the call is not counted")
		}
	}
	p.stop()
	select {
	case got := <-sent:
		if got != "POST /v1/traces" {
			t.Errorf("the collector was sent %s", got)
		}
	default:
		t.Error("the collector was sent nothing")
	}
}
