package demopbx

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestRandomActions: an AMI client that does anything at any time to calls being played leaves a PBX that still keeps its
// books, and that is empty when all are hung up.
func TestRandomActions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := startPBX(t, func(o *Options) { o.Seed, o.Speed, o.PickUp = seed, 50, 2*time.Second })
			c := login(t, p, "admin", "Events: off")
			done := make(chan struct{})
			rng := rand.New(rand.NewPCG(seed, 9))
			names := scenarioNames(t)
			playing := 12
			for range playing {
				s := loadScenario(t, names[rng.IntN(len(names))])
				go func() {
					_ = p.Play(t.Context(), s)
					done <- struct{}{}
				}()
			}
			for n := range 150 {
				var channels []string
				for _, m := range c.list("Action: CoreShowChannels") {
					if ch := m.get("Channel"); ch != "" {
						channels = append(channels, ch)
					}
				}
				if len(channels) > 0 {
					did := randomAction(c, rng, n, channels)
					p.Still(func([]string, time.Time) {
						if wrong := p.exchange.wrong(); wrong != "" && !t.Failed() {
							t.Errorf("after %q: %s", did, wrong)
						}
					})
				}
			}
			for range playing {
				<-done
			}
			for range 20 { // what rings again, and Local pairs that end one after the other
				c.list("Action: Hangup", "Channel: /./")
			}
			waitEmpty(t, p)
			p.Still(func([]string, time.Time) {
				x := p.exchange
				for _, b := range x.bridges {
					if b != x.lot || len(b.channels) > 0 {
						t.Errorf("bridge %s of %d channels is left", b.id, len(b.channels))
					}
				}
				if len(x.parked)+len(x.queues)+len(x.rooms) > 0 {
					t.Errorf("left: %d parked, %d in queues, %d rooms", len(x.parked), len(x.queues), len(x.rooms))
				}
			})
		})
	}
}

func randomAction(c *client, rng *rand.Rand, n int, channels []string) []string {
	one, two := channels[rng.IntN(len(channels))], channels[rng.IntN(len(channels))]
	to := []string{"1003", "1004", "95550199", "3000", "700", "701", "2100", "81002", "**1001", "*901002", "600"}[rng.IntN(11)]
	where := []string{"Context: internal", "Exten: " + to, "Priority: 1"}
	with := func(lines ...string) []string { return append(lines, where...) }
	actions := [][]string{
		with("Action: Redirect", "Channel: "+one),
		with("Action: Redirect", "Channel: "+one, "ExtraChannel: "+two),
		with("Action: BlindTransfer", "Channel: "+one),
		with("Action: Atxfer", "Channel: "+one),
		{"Action: CancelAtxfer", "Channel: " + one},
		{"Action: Hangup", "Channel: " + one},
		{"Action: PlayDTMF", "Channel: " + one, "Digit: " + string("*3#1720"[rng.IntN(7)]), "Receive: true"},
		{"Action: Bridge", "Channel1: " + one, "Channel2: " + two},
		{"Action: PJSIPNotify", "Channel: " + one, "Variable: Event=" + []string{"talk", "hold"}[rng.IntN(2)]},
		{"Action: MixMonitor", "Channel: " + one, "File: x"},
		with("Action: Originate", "Channel: PJSIP/1005", "Async: yes", "Timeout: 3000", fmt.Sprintf("ChannelId: r-%d", n)),
	}
	action := actions[rng.IntN(len(actions))]
	c.send(append(action, fmt.Sprintf("ActionID: r%d", n))...)
	c.answer(fmt.Sprintf("r%d", n))
	return action
}

// wrong says where the exchange's books do not agree.
func (x *exchange) wrong() string {
	for _, p := range x.parked {
		if p.ch.in != place(p) || p.ch.dead {
			return fmt.Sprintf("%s is not in its parking space but in %T, dead %v", p.ch.name, p.ch.in, p.ch.dead)
		}
	}
	for _, r := range x.rooms {
		for _, ch := range r.members {
			if ch.in != place(r) || ch.dead {
				return fmt.Sprintf("%s is not in its room but in %T, dead %v", ch.name, ch.in, ch.dead)
			}
		}
	}
	for _, b := range x.bridges {
		for _, ch := range b.channels {
			if ch.bridge != b || ch.dead {
				return fmt.Sprintf("%s is not in its bridge, dead %v", ch.name, ch.dead)
			}
		}
	}
	return ""
}
