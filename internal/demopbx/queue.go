package demopbx

import (
	"slices"
	"strconv"
	"time"
)

// queueWait is a caller in a queue, and the attempt to reach its members for him (app_queue.c).
type queueWait struct {
	x        *exchange
	name     string
	caller   *channel
	members  []string
	legs     []*channel
	joined   time.Time
	rang     time.Time
	answered time.Time
	agent    *channel
	over     bool
	told     bool // AgentComplete
}

// queueRetry is how long a queue waits before it rings its members again.
const queueRetry = time.Second

// queueUp is the dialplan of a queue: Answer, Queue.
func (x *exchange) queueUp(ch *channel, r route) {
	x.step(ch, 1, "Answer", "")
	x.answerItself(ch)
	x.step(ch, 2, "Queue", r.number+",tT,,,60")
	for _, name := range []string{"ANSWEREDTIME", "ANSWEREDTIME_MS", "DIALEDTIME", "DIALEDTIME_MS", "QUEUEWAIT", "QUEUEWAIT_MS"} {
		x.setVar(ch, name, "")
	}
	q := &queueWait{x: x, name: r.number, caller: ch, members: r.rings, joined: x.at}
	ch.in = q
	x.queues = append(x.queues, q)
	x.emitDevice("Queue:"+q.name, "RINGING")
	x.emitAgent("QueueCallerJoin", ch, nil, "Queue", q.name, "Position", strconv.Itoa(q.position()), "Count", strconv.Itoa(q.position()))
	x.emitChannel("MusicOnHoldStart", ch, "Class", "default")
	q.ringAll()
}

// position is the place in the queue, from 1.
func (q *queueWait) position() int {
	n := 0
	for _, o := range q.x.queues {
		if o.name == q.name {
			n++
		}
		if o == q {
			break
		}
	}
	return n
}

// emitAgent tells an event of class agent about the caller and, where there is one, a member.
func (x *exchange) emitAgent(name string, ch, member *channel, more ...string) {
	x.emit(classAgent, name, func(m *message) {
		m.addChannel("", ch)
		if member != nil {
			m.addChannel("Dest", member)
		}
		for i := 0; i+1 < len(more); i += 2 {
			m.add(more[i], more[i+1])
		}
	})
}

func (q *queueWait) member(ch *channel) []string {
	return []string{"Queue", q.name, "Interface", ch.device(), "MemberName", q.x.phones[ch.endpoint].Name}
}

// ringAll calls every member whose phone is free, the last named first.
func (q *queueWait) ringAll() {
	x := q.x
	q.rang = x.at
	for _, who := range slices.Backward(q.members) {
		if x.deviceState("PJSIP/"+who) != "NOT_INUSE" {
			continue
		}
		ch := x.add(&channel{endpoint: who, state: stateDown, caller: party{who, x.phones[who].Name}, exten: "s",
			linkedid: q.caller.linkedid, age: q.caller.age, call: q.caller.call, in: q, called: q})
		x.setVar(ch, "DIALEDPEERNUMBER", who)
		bare := *ch
		ch.exten, ch.connected = q.caller.exten, q.caller.caller
		q.legs = append(q.legs, ch)
		x.emitAgent("AgentCalled", q.caller, ch, q.member(ch)...)
		x.emitDial("DialBegin", q.caller, &bare, "DialString", ch.device())
	}
	for _, ch := range slices.Backward(slices.Clone(q.legs)) {
		if x.ringsAtOnce(ch) {
			q.ring(ch)
			x.awaitPickUp(ch)
		}
	}
}

func (q *queueWait) ring(ch *channel) {
	x := q.x
	x.setState(ch, stateRinging)
	x.newExten(ch, "AppQueue", "(Outgoing Line)")
	x.emitChannel("NewConnectedLine", ch)
	x.emitDial("DialState", q.caller, ch, "DialStatus", "RINGING")
}

func (q *queueWait) progress(ch *channel) {
	q.x.emitDial("DialState", q.caller, ch, "DialStatus", "PROGRESS")
}

// answer is a member's: the losers get DialEnd twice.
func (q *queueWait) answer(ch *channel) {
	x, caller := q.x, q.caller
	q.drop(ch)
	losers := q.legs
	q.legs, q.agent, q.answered, ch.called, ch.silent = nil, ch, x.at, nil, true
	x.setState(ch, stateUp)
	x.emitDial("DialEnd", caller, ch, "DialStatus", "ANSWER")
	cancel := func() {
		for _, o := range losers {
			x.emitDial("DialEnd", caller, o, "DialStatus", "CANCEL")
		}
	}
	cancel()
	x.tellConnected(caller, ch.caller)
	cancel()
	x.emitChannel("MusicOnHoldStop", caller)
	wait := int(q.answered.Sub(q.joined) / time.Second)
	for _, c := range []*channel{caller, ch} {
		for _, v := range [][2]string{{"MEMBERINTERFACE", ch.device()}, {"MEMBERNAME", x.phones[ch.endpoint].Name}, {"MEMBERCALLS", "0"},
			{"MEMBERLASTCALL", "0"}, {"MEMBERPENALTY", "0"}, {"MEMBERDYNAMIC", "0"}, {"MEMBERREALTIME", "0"},
			{"QEHOLDTIME", strconv.Itoa(wait)}, {"QEORIGINALPOS", "1"}} {
			x.setVar(c, v[0], v[1])
		}
	}
	x.emitDevice("Queue:"+q.name, "NOT_INUSE")
	for _, o := range losers {
		x.hangup(o, causeAnsweredElsewhere)
	}
	q.leave()
	x.emitAgent("AgentConnect", caller, ch, append(q.member(ch), "HoldTime", strconv.Itoa(wait),
		"RingTime", strconv.Itoa(int(q.answered.Sub(q.rang)/time.Second)))...)
	caller.thread = q.endOfAnswered
	b := x.newBridge(basic)
	b.ending = func(side *channel) {
		if side == caller {
			q.complete(true)
		}
	}
	b.enter(ch)
	b.enter(caller)
	b.tellPeers()
}

// leave takes the caller out of the queue.
func (q *queueWait) leave() {
	position := q.position()
	q.over = true
	q.x.queues = slices.DeleteFunc(q.x.queues, func(o *queueWait) bool { return o == q })
	left := 0
	for _, o := range q.x.queues {
		if o.name == q.name {
			left++
		}
	}
	q.x.emitAgent("QueueCallerLeave", q.caller, nil, "Queue", q.name, "Position", strconv.Itoa(position), "Count", strconv.Itoa(left))
}

// endOfAnswered is the caller's channel after the conversation.
func (q *queueWait) endOfAnswered(cause int) []func() {
	todo := q.x.endOfDialplan(q.caller, cause)
	if !q.told {
		todo = slices.Insert(todo, len(todo)-1, func() { q.complete(false) })
	}
	return todo
}

// complete tells AgentComplete: who of the two ended it, and how long they talked.
func (q *queueWait) complete(byCaller bool) {
	if q.told {
		return
	}
	q.told = true
	reason := "agent"
	if byCaller {
		reason = "caller"
	}
	talked := q.x.at.Sub(q.answered).Round(time.Second) / time.Second
	q.x.emitAgent("AgentComplete", q.caller, q.agent, append(q.member(q.agent),
		"HoldTime", strconv.Itoa(int(q.answered.Sub(q.joined)/time.Second)), "TalkTime", strconv.Itoa(int(talked)), "Reason", reason)...)
}

// refuse is a member's busy or reject: the queue goes on.
func (q *queueWait) refuse(ch *channel, cause int, asked bool) {
	x := q.x
	if !asked {
		ch.sipCode = map[int]int{causeBusy: 486, causeRejected: 603}[cause]
		x.askHangup("HangupRequest", ch, cause)
	}
	q.drop(ch)
	q.notAnswered(ch, cause) // also a busy one: app_queue.c calls it no answer
	q.again()
}

// noAnswer is the end of ringing for all members.
func (q *queueWait) noAnswer(*channel) {
	for _, ch := range slices.Clone(q.legs) {
		q.drop(ch)
		q.notAnswered(ch, causeUnset)
	}
	q.again()
}

func (q *queueWait) notAnswered(ch *channel, cause int) {
	x := q.x
	rna := func() {
		x.emitAgent("AgentRingNoAnswer", q.caller, ch, append(q.member(ch), "RingTime", strconv.FormatInt(x.at.Sub(q.rang).Milliseconds(), 10))...)
	}
	if cause == causeUnset {
		rna()
	}
	x.emitDial("DialEnd", q.caller, ch, "DialStatus", "NOANSWER")
	if cause == causeUnset {
		x.emitDial("DialEnd", q.caller, ch, "DialStatus", "CANCEL")
	} else {
		rna()
	}
	x.hangup(ch, cause)
}

// again rings everybody anew a moment later.
func (q *queueWait) again() {
	if len(q.legs) > 0 {
		return
	}
	q.x.later(queueRetry, func() {
		if !q.over {
			q.ringAll()
		}
	})
}

func (q *queueWait) drop(ch *channel) {
	q.legs = slices.DeleteFunc(q.legs, func(o *channel) bool { return o == ch })
}

// hangUp is a member's, or the caller's who does not want to wait any more.
func (q *queueWait) hangUp(ch *channel, cause int, asked bool) {
	if ch != q.caller {
		q.refuse(ch, cause, asked)
		return
	}
	x := q.x
	if !asked {
		x.askHangup("HangupRequest", ch, cause)
	}
	q.release(ch)
	x.merge(x.endOfDialplan(ch, causeUnset), nil)
}

// release takes the caller out before a member answered. app_queue.c tells it as given up.
func (q *queueWait) release(ch *channel) {
	if ch != q.caller {
		return
	}
	x, legs := q.x, q.legs
	q.legs = nil
	x.emitChannel("MusicOnHoldStop", ch)
	for range 2 {
		for _, o := range legs {
			x.emitDial("DialEnd", ch, o, "DialStatus", "CANCEL")
		}
	}
	x.setVar(ch, "ABANDONED", "TRUE")
	wait := int(x.at.Sub(q.joined).Round(time.Second) / time.Second)
	x.emitAgent("QueueCallerAbandon", ch, nil, "Queue", q.name, "Position", strconv.Itoa(q.position()), "OriginalPosition", "1",
		"HoldTime", strconv.Itoa(wait))
	x.emitDevice("Queue:"+q.name, "NOT_INUSE")
	q.leave()
	ch.in = nil
	for _, o := range legs {
		x.hangup(o, causeUnset)
	}
}
