package ami

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Originate implements connector.Originator. It is always asynchronous: a manager session that waits for an answer holds
// back all events until then. It names a place in the dialplan, never an application.
func (c *Connector) Originate(ctx context.Context, p connector.Placement) error {
	if err := checkNumber(p.Number); err != nil {
		return err
	}
	if err := checkLeg(p.Leg); err != nil {
		return err
	}
	s := c.linked.Load()
	if s == nil {
		return errAway
	}
	place, err := s.contextOf(ctx, p.Device)
	if err != nil {
		return err
	}
	if err := checkDevice(p.Device); err != nil {
		return err
	}
	fields := []Pair{{"Channel", p.Device}, {"Context", place}, {"Exten", p.Number}, {"Priority", "1"}, {"Async", "true"},
		{"Timeout", strconv.FormatInt(p.Timeout.Milliseconds(), 10)}, {"ChannelId", string(p.Leg)}}
	if p.Show != "" {
		if err := checkNumber(p.Show); err != nil {
			return err
		}
		fields = append(fields, Pair{"CallerID", "<" + p.Show + ">"})
	}
	return c.originate(ctx, s, p.Leg, fields)
}

// placed are the legs that the PBX was asked to make and of which nothing was seen yet, by the id of the action.
type placed struct {
	mu   sync.Mutex
	legs map[string]telephony.LegID
}

func (p *placed) add(action string, leg telephony.LegID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.legs == nil {
		p.legs = map[string]telephony.LegID{}
	}
	p.legs[action] = leg
}

func (p *placed) drop(action string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.legs, action)
}

// observe follows a leg that was asked for until its channel is there. Where there will be none, as when a phone is not
// registered, only OriginateResponse tells; else the channel's own Hangup does.
func (p *placed) observe(m *Message, now time.Time) (telephony.Observation, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.legs) == 0 {
		return telephony.Observation{}, false
	}
	switch string(m.Event()) {
	case "Newchannel":
		for action, leg := range p.legs {
			if string(leg) == string(m.Get("Uniqueid")) {
				delete(p.legs, action)
			}
		}
	case "OriginateResponse":
		action := m.Text("ActionID")
		leg, waits := p.legs[action]
		delete(p.legs, action)
		if waits && m.Text("Response") != "Success" {
			const absent = 20 // Q.850: subscriber absent
			return telephony.Observation{ObservedAt: now, ReportedAt: stamp(m),
				Fact: telephony.LegGone{Leg: leg, Cause: telephony.CauseOf(absent, "Originate failed, reason "+telephony.Display(m.Text("Reason")))}}, true
		}
	}
	return telephony.Observation{}, false
}

// contexts remembers where devices dial.
type contexts struct {
	mu    sync.Mutex
	known map[string]string
}

func (c *contexts) get(device string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[device]
}

func (c *contexts) set(device, place string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]string{}
	}
	c.known[device] = place
}
