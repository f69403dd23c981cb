package ami

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// visit is a connection for looking around: questions, their answers, and a tally of what is heard beside them.
type visit struct {
	*session
	ctx      context.Context
	end      func()
	messages chan *Message // closed at the end of the connection; fault says why
	waiting  atomic.Int64  // bytes of the messages in it
	taken    chan struct{} // holds something when a message was taken out since it was last looked at
	fault    error
	rights   Rights
	heard    map[string]int // events by name
	stamped  bool           // events say when
	also     func(*Message) // sees every message, too; may be nil
}

// visit logs in as a Connector does. The error is in words for a person, and the connection is closed then.
func (e *examiner) visit(ctx context.Context, conn net.Conn) (*visit, error) {
	held, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(held, func() { conn.Close() })
	v := &visit{ctx: held, messages: make(chan *Message, 1000), taken: make(chan struct{}, 1), heard: map[string]int{}}
	v.session = newSession(e.link.config, conn, func(telephony.Observation) {})
	late := time.AfterFunc(loginTimeout, cancel)
	if err := v.login(); err != nil {
		err = e.link.explain(ctx, err)
		cancel()
		return nil, err
	}
	late.Stop()
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		v.receive()
	}()
	v.end = func() {
		cancel()
		stop()
		conn.Close()
		<-reading
	}
	return v, nil
}

// leave ends the visit.
func (v *visit) leave() {
	v.send(Action{Name: "Logoff"}) // the connection ends in any case
	v.end()
}

// Bounds of what waits to be looked at, and of what is counted.
const (
	mostWaiting = 8 << 20
	mostNames   = 1000
	longestName = 100
)

func (v *visit) receive() {
	defer close(v.messages)
	for {
		m, err := v.reader.Next()
		if err != nil {
			v.fault = err
			return
		}
		for v.waiting.Load() > mostWaiting && v.ctx.Err() == nil {
			select {
			case <-v.taken:
			case <-v.ctx.Done():
			}
		}
		v.waiting.Add(int64(len(m.text)))
		select {
		case v.messages <- m.Clone():
		case <-v.ctx.Done():
			v.fault = v.ctx.Err()
			return
		}
	}
}

var errSilent = errors.New("ami: nothing came in time")

// next is the next message, whatever it is; events are counted.
func (v *visit) next(until time.Time) (*Message, error) {
	limit := time.NewTimer(time.Until(until))
	defer limit.Stop()
	select {
	case m, more := <-v.messages:
		if !more {
			return nil, v.fault
		}
		v.waiting.Add(-int64(len(m.text)))
		select {
		case v.taken <- struct{}{}:
		default: // it is known
		}
		if name := string(m.Event()); name != "" && m.Get("ActionID") == nil || name == "OriginateResponse" {
			if _, known := v.heard[name]; known || len(v.heard) < mostNames && len(name) <= longestName {
				v.heard[name]++
			}
			v.stamped = v.stamped || m.Get("Timestamp") != nil
		}
		if v.also != nil {
			v.also(m)
		}
		return m, nil
	case <-limit.C:
		return nil, errSilent
	case <-v.ctx.Done():
		return nil, v.ctx.Err()
	}
}

// ask sends one question and waits for its answer, whatever it says.
func (v *visit) ask(action string, fields ...Pair) (*Message, error) {
	id, err := v.send(Action{Name: action, Fields: fields})
	if err != nil {
		return nil, err
	}
	for until := time.Now().Add(replyTimeout); ; {
		m, err := v.next(until)
		if errors.Is(err, errSilent) {
			return nil, fmt.Errorf("ami: no answer to %s within %v", action, replyTimeout)
		}
		if err != nil {
			return nil, err
		}
		if m.Response() != nil && m.Text("ActionID") == id {
			return m, nil
		}
	}
}

// granted is an answer that is not an error.
func granted(m *Message) bool { return string(m.Response()) == "Success" }

// value asks for a variable or function of the PBX itself, never of a channel.
func (v *visit) value(of string) (string, error) {
	m, err := v.ask("Getvar", Pair{"Variable", of})
	if err != nil || !granted(m) {
		return "", err
	}
	return m.Text("Value"), nil
}

// setting is one line of a configuration file.
type setting struct{ key, value string }

// file reads one category of a configuration file, or all of it. It reports false where the file is not there or may
// not be read.
func (v *visit) file(name, category string) ([]setting, bool, error) {
	fields := []Pair{{"Filename", name}}
	if category != "" {
		fields = append(fields, Pair{"Category", category})
	}
	m, err := v.ask("GetConfig", fields...)
	if err != nil || !granted(m) {
		return nil, false, err
	}
	var lines []setting
	for _, f := range m.Fields {
		if !strings.HasPrefix(string(f.Key), "Line-") {
			continue
		}
		key, value, _ := strings.Cut(string(f.Value), "=")
		lines = append(lines, setting{strings.TrimSpace(key), strings.TrimSpace(strings.TrimPrefix(value, ">"))})
	}
	return lines, true, nil
}

// tally is what was heard since an earlier tally.
func (v *visit) tally() map[string]int { return maps.Clone(v.heard) }
