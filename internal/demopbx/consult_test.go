package demopbx

import (
	"strings"
	"testing"
)

// TestConsultationsGoWrong: whatever becomes of a transfer by code, every line happens and nobody is left behind.
func TestConsultationsGoWrong(t *testing.T) {
	t.Parallel()
	const begin = "0.0 outside 2025550143 \"Bob\" calls 5550101, rings 1001\n1.0 1001 answers\n2.0 1001 consults 1002\n"
	for name, rest := range map[string]string{
		"caller hangs up while it rings":        "3.0 outside hangs up\n4.0 1001 hangs up\n",
		"caller hangs up while they talk":       "3.0 1002 answers\n4.0 outside hangs up\n5.0 1001 hangs up\n",
		"target rejects":                        "3.0 1002 rejects\n4.0 1001 hangs up\n",
		"target hangs up":                       "3.0 1002 answers\n4.0 1002 hangs up\n5.0 outside hangs up\n",
		"target hangs up, caller gone":          "3.0 1002 answers\n4.0 outside hangs up\n5.0 1002 hangs up\n",
		"back while it rings":                   "3.0 1001 goes back to the caller\n4.0 outside hangs up\n",
		"back while they talk":                  "3.0 1002 answers\n4.0 1001 goes back to the caller\n5.0 1001 hangs up\n",
		"given away, target rejects":            "3.0 1001 hangs up\n4.0 1002 rejects\n5.0 1001 answers\n6.0 1001 hangs up\n",
		"given away, caller hangs up":           "3.0 1001 hangs up\n4.0 outside hangs up\n",
		"given away, nobody answers":            "3.0 1001 hangs up\n4.0 1002 does not answer\n5.0 1001 does not answer\n",
		"given away, caller hangs up at recall": "3.0 1001 hangs up\n4.0 1002 does not answer\n5.0 outside hangs up\n6.0 1001 rejects\n",
		"three, target leaves first":            "3.0 1002 answers\n4.0 1001 presses *3\n6.0 1002 hangs up\n7.0 outside hangs up\n",
		"hung up before the pair is gone":       "3.0 1002 answers\n4.0 1001 hangs up\n4.1 outside hangs up\n",
		"picked up and transferred":             "3.0 1002 answers\n4.0 1001 hangs up\n5.0 1002 transfers to 1003\n6.0 1004 picks up 1003\n7.0 outside hangs up\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, seed := range []uint64{0, 4, 5} {
				p := startPBX(t, func(o *Options) { o.Seed, o.Speed, o.Timestamps = seed, 1000, true })
				missed, err := p.play(t.Context(), parse(t, begin+rest))
				if err != nil || len(missed) > 0 {
					t.Fatalf("%v, lines %v were not possible", err, missed)
				}
				waitEmpty(t, p)
				p.exchange.mu.Lock()
				if n := len(p.exchange.bridges); n > 0 {
					t.Errorf("%d bridges are left", n)
				}
				p.exchange.mu.Unlock()
			}
		})
	}
}

func TestAtxfer(t *testing.T) {
	t.Parallel()
	_, c := talking(t)
	if m := c.do("Action: Atxfer", "Channel: "+talkingPhone, "Exten: 1002", "Context: internal"); m.get("Message") != "Atxfer successfully queued" {
		t.Errorf("got %q", m.raw)
	}
	if m := c.await("LocalBridge"); !strings.HasPrefix(m.get("LocalOneChannel"), "Local/1002@internal-") {
		t.Errorf("got %q", m.raw)
	}
	if m := c.do("Action: CancelAtxfer", "Channel: "+talkingPhone); m.get("Message") != "CancelAtxfer successfully queued" {
		t.Errorf("got %q", m.raw)
	}
	if m := c.await("Unhold"); m.get("Channel") != talkingPhone {
		t.Errorf("got %q", m.raw)
	}
	c.do("Action: Atxfer", "Channel: "+talkingPhone, "Exten: 1002")
	for m := c.await("DialEnd"); m.get("DestCallerIDNum") != "1002" || m.get("DialStatus") != "ANSWER"; m = c.await("DialEnd") {
	}
	c.do("Action: Hangup", "Channel: "+talkingPhone)
	if m := c.await("AttendedTransfer"); m.get("TransfereeChannel") != talkingTrunk || m.get("DestType") != "Bridge" {
		t.Errorf("got %q", m.raw)
	}
}
