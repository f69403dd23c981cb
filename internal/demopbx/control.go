package demopbx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The actions by which an AMI client controls calls. Texts of errors are those of manager.c, features.c, app_mixmonitor.c,
// res_mutestream.c, app_senddtmf.c, parking_manager.c and res_pjsip_notify.c of branch 22.

// with runs part of an action with the exchange held. What happens comes from an AMI client, not from a scenario.
func (s *session) with(run func(x *exchange)) {
	x := s.pbx.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(x.clock.now())
	x.asked = true
	run(x)
	x.asked = false
	x.settle()
}

func (s *session) accept(r request, text string) { s.reply(answer(r, "Success", text)) }

// done is an answer without a message.
func (s *session) done(r request) {
	m := begin(r, "Success")
	m.end()
	s.reply(m)
}

func (s *session) redirect(r request) {
	for _, need := range []string{"Channel", "Context", "Exten", "Priority"} {
		if r.get(need) == "" {
			s.refuse(r, need+" not specified")
			return
		}
	}
	if n, err := strconv.Atoi(r.get("Priority")); err != nil || n < 1 {
		s.refuse(r, "Priority is invalid")
		return
	}
	s.with(func(x *exchange) {
		ch := x.find(r.get("Channel"))
		if ch == nil {
			s.refuse(r, "Channel does not exist: "+r.get("Channel"))
			return
		}
		extra := r.get("ExtraChannel")
		if extra == "" {
			if !x.free(ch) {
				s.refuse(r, "Redirect failed")
				return
			}
			s.accept(r, "Redirect successful")
			x.redirect(r.get("Context"), r.get("Exten"), ch)
			return
		}
		second := x.find(extra)
		switch {
		case second == nil:
			s.refuse(r, "ExtraChannel does not exist: "+extra)
		case !x.free(ch):
			s.refuse(r, "Redirect failed")
		case second == ch || !x.free(second):
			s.refuse(r, "Secondary redirect failed")
		default:
			s.accept(r, "Dual Redirect successful")
			x.redirectBoth(r, ch, second)
		}
	})
}

// toExtension runs what sends the party of a channel to an extension.
func (s *session) toExtension(r request, run func(*exchange, *channel)) {
	switch {
	case r.get("Channel") == "":
		s.refuse(r, "No channel specified")
		return
	case r.get("Exten") == "":
		s.refuse(r, "No extension specified")
		return
	}
	s.with(func(x *exchange) {
		ch := x.find(r.get("Channel"))
		if ch == nil {
			s.refuse(r, "Channel specified does not exist")
			return
		}
		run(x, ch)
	})
}

func (s *session) blindTransfer(r request) {
	s.toExtension(r, func(x *exchange, ch *channel) {
		context := r.get("Context")
		if context == "" {
			context = ch.context
		}
		if ch.bridge.other(ch) == nil || !x.free(ch) || !x.free(ch.bridge.other(ch)) { // it talks to nobody, or to several
			s.refuse(r, "Transfer invalid")
			return
		}
		s.accept(r, "Transfer succeeded")
		x.giveAway(ch, context, r.get("Exten"), true, nil)
	})
}

// atxfer sends the digits of the feature code and of the number, as if the phone had.
func (s *session) atxfer(r request) {
	s.toExtension(r, func(x *exchange, ch *channel) {
		s.accept(r, "Atxfer successfully queued")
		if ch.bridge != nil {
			x.consult(ch, r.get("Exten"))
		}
	})
}

func (s *session) cancelAtxfer(r request) {
	if r.get("Channel") == "" {
		s.refuse(r, "No channel specified")
		return
	}
	s.with(func(x *exchange) {
		ch := x.find(r.get("Channel"))
		if ch == nil {
			s.refuse(r, "Channel specified does not exist")
			return
		}
		s.accept(r, "CancelAtxfer successfully queued")
		if ch.bridge != nil {
			x.consultEnds(ch)
		}
	})
}

func (s *session) bridge(r request) {
	if r.get("Channel1") == "" || r.get("Channel2") == "" {
		s.refuse(r, "Missing channel parameter in request")
		return
	}
	s.with(func(x *exchange) {
		var both [2]*channel
		for i, key := range []string{"Channel1", "Channel2"} {
			if both[i] = x.find(r.get(key)); both[i] == nil {
				s.refuse(r, key+" does not exist: "+r.get(key))
				return
			}
			if !x.free(both[i]) || both[0] == both[1] {
				s.refuse(r, "Unable to add "+key+" to bridge: "+r.get(key))
				return
			}
		}
		s.accept(r, "Channels have been bridged")
		x.connect(both[0], both[1])
	})
}

// park answers with a line break too many, as Asterisk 22 does.
func (s *session) park(r request) {
	if r.get("Channel") == "" {
		s.refuse(r, "Channel not specified")
		return
	}
	timeout := parkTimeout
	if text := r.get("Timeout"); text != "" {
		ms, err := strconv.Atoi(text)
		if err != nil || ms < 0 {
			s.refuse(r, "Invalid Timeout value.")
			return
		}
		if ms > 0 {
			timeout = max(time.Second, time.Duration(ms)*time.Millisecond).Truncate(time.Second)
		}
	}
	s.with(func(x *exchange) {
		ch := x.find(r.get("Channel"))
		switch {
		case ch == nil:
			s.refuse(r, "Channel does not exist: "+r.get("Channel"))
			return
		case !x.free(ch), r.get("Parkinglot") != "" && r.get("Parkinglot") != parkLot:
			s.refuse(r, "Park action failed\n")
			return
		}
		by := r.get("TimeoutChannel")
		parker := by
		peer := ch.bridge.other(ch)
		if i := strings.LastIndexByte(parker, '-'); i > 0 {
			parker = parker[:i]
		}
		if parker == "" {
			parker = ch.device()
		}
		s.accept(r, "Park successful\n")
		x.park(ch, parker, timeout)
		if peer != nil && peer.name == by { // it hears the number of the space and is hung up
			x.later(time.Second, func() { x.hangUpByRequest(peer, causeNormal) })
		}
	})
}

// playDTMF is a digit sent to a phone, or (Receive) taken as if the phone had sent it: so it may be one of a feature code.
func (s *session) playDTMF(r request) {
	s.with(func(x *exchange) {
		ch, digit := x.find(r.get("Channel")), r.get("Digit")
		duration, err := strconv.Atoi(r.get("Duration"))
		switch {
		case ch == nil:
			s.refuse(r, "Channel not found")
			return
		case digit == "":
			s.refuse(r, "No digit specified")
			return
		case r.get("Duration") != "" && err != nil:
			s.refuse(r, "Could not convert Duration parameter")
			return
		}
		s.accept(r, "DTMF successfully queued")
		x.digit(ch, digit[:1], max(duration, 100), isTrue(r.get("Receive")))
	})
}

func (s *session) muteAudio(r request) {
	for _, need := range []string{"Channel", "State", "Direction"} {
		if r.get(need) == "" {
			s.refuse(r, need+" not specified")
			return
		}
	}
	s.with(func(x *exchange) {
		ch := x.find(r.get("Channel"))
		if ch == nil {
			s.refuse(r, "No such channel")
			return
		}
		ch.muted = isTrue(r.get("State"))
		s.done(r)
	})
}

func (s *session) mixMonitor(r request) {
	s.onChannel(r, func(x *exchange, ch *channel) {
		s.done(r)
		x.record(ch, r.get("File"))
	})
}

func (s *session) stopMixMonitor(r request) {
	s.onChannel(r, func(x *exchange, ch *channel) {
		if ch.recordings == 0 {
			s.refuse(r, "Could not stop monitoring channel")
			return
		}
		s.done(r)
		x.stopRecording(ch)
	})
}

func (s *session) mixMonitorMute(r request) {
	direction := strings.ToLower(r.get("Direction"))
	switch {
	case direction == "":
		s.refuse(r, "No direction specified. Must be read, write or both")
		return
	case direction != "read" && direction != "write" && direction != "both":
		s.refuse(r, "Invalid direction specified. Must be read, write or both")
		return
	case r.get("Channel") == "":
		s.refuse(r, "No channel specified")
		return
	case r.get("State") == "":
		s.refuse(r, "No state specified")
		return
	}
	s.onChannel(r, func(x *exchange, ch *channel) {
		if ch.recordings == 0 {
			s.refuse(r, "Cannot set mute flag")
			return
		}
		s.done(r)
		x.muteRecording(ch, r.get("Direction"), isTrue(r.get("State")))
	})
}

// free tells whether a channel can be taken elsewhere: not one that is being called, nor one half of a Local pair. A
// transfer by code that it has begun ends.
func (x *exchange) free(ch *channel) bool {
	if ch.called != nil || ch.half != nil || ch.in == nil {
		return false
	}
	if ch.consulting != nil {
		x.consultEnds(ch)
	}
	return slices.Contains(x.channels, ch) && ch.in != nil
}

// onChannel runs an action that needs nothing but a channel.
func (s *session) onChannel(r request, run func(*exchange, *channel)) {
	if r.get("Channel") == "" {
		s.refuse(r, "No channel specified")
		return
	}
	s.with(func(x *exchange) {
		ch := x.find(r.get("Channel"))
		if ch == nil {
			s.refuse(r, "No such channel")
			return
		}
		run(x, ch)
	})
}

// pjsipNotify is an in-dialog NOTIFY: the phones here understand "Event: talk" and "Event: hold".
func (s *session) pjsipNotify(r request) {
	targets := 0
	for _, key := range []string{"Endpoint", "URI", "Channel"} {
		if r.get(key) != "" {
			targets++
		}
	}
	variables := r.all("Variable")
	switch {
	case (r.get("Option") == "") == (len(variables) == 0):
		s.refuse(r, "PJSIPNotify requires either an Option or Variable(s).You must use only one of them.")
		return
	case targets > 1:
		s.refuse(r, "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel.  You must use only one of them.")
		return
	case targets == 0:
		s.refuse(r, "PJSIPNotify requires either an endpoint name, a SIP URI, or a channel.")
		return
	}
	s.with(func(x *exchange) {
		if endpoint := r.get("Endpoint"); endpoint != "" && x.phones[endpoint] == (Phone{}) {
			s.refuse(r, "Unable to retrieve endpoint "+endpoint)
			return
		}
		ch := x.find(r.get("Channel"))
		if r.get("Channel") != "" && ch == nil {
			s.refuse(r, "Channel not found")
			return
		}
		s.accept(r, "NOTIFY sent")
		if ch != nil {
			for _, v := range variables {
				x.notify(ch, v)
			}
		}
	})
}

// notify is what a phone does when it is told to talk or to hold.
func (x *exchange) notify(ch *channel, variable string) {
	switch strings.ToLower(strings.ReplaceAll(variable, " ", "")) {
	case "event=talk":
		switch {
		case ch.called != nil && ch.state == stateRinging:
			ch.called.answer(ch)
		case ch.bridge != nil:
			ch.bridge.resume(ch)
		}
	case "event=hold":
		if ch.bridge != nil {
			ch.bridge.hold(ch)
		}
	}
}

// originate rings a phone and then sends it to an extension. Only phones can be rung, not Local channels.
func (s *session) originate(r request) {
	tech, endpoint, found := strings.Cut(r.get("Channel"), "/")
	priority, err := strconv.Atoi(r.get("Priority"))
	timeout, badTimeout := 30*time.Second, error(nil)
	if text := r.get("Timeout"); text != "" {
		var ms int
		ms, badTimeout = strconv.Atoi(text)
		timeout = time.Duration(ms) * time.Millisecond
	}
	switch {
	case len(r.get("ChannelId")) > maxUniqueid || len(r.get("OtherChannelId")) > maxUniqueid:
		s.refuse(r, fmt.Sprintf("Uniqueid length exceeds maximum of %d\n", maxUniqueid))
		return
	case r.get("Channel") == "":
		s.refuse(r, "Channel not specified")
		return
	case r.get("Priority") != "" && err != nil:
		s.refuse(r, "Invalid priority")
		return
	case badTimeout != nil:
		s.refuse(r, "Invalid timeout")
		return
	case !found:
		s.refuse(r, "Invalid channel")
		return
	case priority > 0 && s.pbx.exchange.routeOf(r.get("Context"), r.get("Exten")).kind == toNobody:
		s.refuse(r, "Extension does not exist.")
		return
	case priority == 0 && !isTrue(r.get("Async")):
		s.refuse(r, "Originate with 'Exten' requires 'Context' and 'Priority'")
		return
	}
	o := originate{endpoint: endpoint, context: r.get("Context"), exten: r.get("Exten"), id: r.get("ChannelId"),
		caller: parseCallerID(r.get("CallerID")), timeout: timeout}
	for _, v := range r.all("Variable") {
		name, value, _ := strings.Cut(v, "=")
		o.variables = append(o.variables, [2]string{name, value})
	}
	if isTrue(r.get("Async")) {
		s.accept(r, "Originate successfully queued")
		s.with(func(x *exchange) {
			o.done = func(ch *channel, ok bool, reason int) { x.emitOriginateResponse(r, ch, ok, reason) }
			x.place(tech, o)
		})
		return
	}
	s.originateAndWait(r, tech, o)
}

const maxUniqueid = 149 // AST_MAX_PUBLIC_UNIQUEID

// originateAndWait holds up the session until the phone answered or did not, as Asterisk does.
func (s *session) originateAndWait(r request, tech string, o originate) {
	result := make(chan bool, 1)
	o.done = func(_ *channel, ok bool, _ int) { result <- ok }
	s.with(func(x *exchange) { x.place(tech, o) })
	select {
	case ok := <-result:
		if ok {
			s.accept(r, "Originate successfully queued")
		} else {
			s.refuse(r, "Originate failed")
		}
	case <-s.dead:
	case <-s.pbx.closed:
	}
}

// place originates a call unless the phone is not there or its id is taken.
func (x *exchange) place(tech string, o originate) {
	phone, known := x.phones[o.endpoint]
	if tech != "PJSIP" || !known || phone.Offline || o.id != "" && x.find(o.id) != nil {
		o.done(nil, false, reasonFailure)
		return
	}
	x.originate(&call{x: x}, o)
}

// isTrue is ast_true.
func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "yes", "true", "y", "t", "1", "on":
		return true
	}
	return false
}
