package office

import (
	"strings"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

// Call is a phone's end of a call. Its methods are what the person at the phone does; each returns when the phone has
// done it.
type Call struct {
	*View // what is to be said of it; nil at the outside phone

	o     *Office
	at    string // whose phone: a desk's number, or outside
	who   Person // who speaks here
	phone *phone.Phone
	sip   *phone.Call
	from  *Call // whose call this phone got; nil when it called
	far   *Call // who is at the other end; nil when it is the PBX itself
}

func deskPerson(number string) Person {
	for _, d := range lab.Desks {
		if d.Number == number {
			return Person{d.Number, d.Name}
		}
	}
	return Person{}
}

// calls lets somebody from outside call a number of the office.
func (o *Office) calls(who Person, number string) *Call {
	return o.callsWith(who, number, phone.CallOptions{From: who.Number, Name: who.Name})
}

func (o *Office) callsWith(who Person, number string, options phone.CallOptions) *Call {
	return o.keep(&Call{at: outside, who: who, sip: o.call(outside, number, options)})
}

// dials lets a desk call a number.
func (o *Office) dials(desk, number string) *Call {
	c := o.keep(&Call{at: desk, who: deskPerson(desk), sip: o.call(desk, number, phone.CallOptions{})})
	c.View = o.watch(c, dialed(number))
	return c
}

// dialed is what is known of a call from the number alone.
func dialed(number string) View {
	outward := strings.TrimPrefix(number, "*1")
	switch {
	case len(outward) == 8 && outward[0] == '9':
		v := View{Direction: "outbound", Other: Person{outward[1:], ""}, NumberAlso: []string{outward}, Dialed: number}
		if outward != number {
			v.NumberAlso = append(v.NumberAlso, number)
		}
		return v
	case deskPerson(number).Number != "":
		return View{Direction: "internal", Other: deskPerson(number), Role: "caller"}
	}
	return View{Direction: "internal", DirectionAlso: []string{"outbound"}, Other: Person{number, ""}, Dialed: number}
}

func (o *Office) call(at, number string, options phone.CallOptions) *phone.Call {
	c, err := o.phones[at].Call(o.ctx, number, options)
	o.must(err)
	return c
}

func (o *Office) keep(c *Call) *Call {
	c.o, c.phone = o, o.phones[c.at]
	o.all = append(o.all, c)
	return c
}

// arrives waits for the call that comes to a phone; from is whose it is.
func (o *Office) arrives(at string, from *Call) *Call {
	sip, err := o.phones[at].Incoming(o.ctx)
	o.must(err)
	c := o.keep(&Call{at: at, who: deskPerson(at), sip: sip, from: from, far: from})
	if from.far == nil {
		from.far = c
	}
	if at == outside {
		return c
	}
	v := View{Direction: "inbound", Other: from.who}
	if from.at != outside {
		v.Direction, v.Role = "internal", "callee"
	}
	c.View = o.watch(c, v)
	return c
}

// rings lets a phone ring for the call that comes to it.
func (o *Office) rings(at string, from *Call) *Call {
	c := o.arrives(at, from)
	o.must(c.sip.Ring(o.ctx))
	return c
}

// isHeardEarly lets the caller hear this phone before it answers.
func (c *Call) isHeardEarly() { c.o.must(c.sip.Progress(c.o.ctx)) }

// answers takes the call, and waits until the caller has noticed.
func (c *Call) answers() {
	c.o.must(c.sip.Answer(c.o.ctx))
	if c.from != nil {
		c.from.far = c
		c.from.up()
	}
}

// up waits until the call is answered.
func (c *Call) up() { c.o.must(c.sip.WaitAnswered(c.o.ctx)) }

// hearsRinging waits until the other end rings.
func (c *Call) hearsRinging() { c.o.must(c.sip.WaitRinging(c.o.ctx)) }

// hearsAudio waits until sound comes.
func (c *Call) hearsAudio() { c.o.must(c.sip.WaitAudio(c.o.ctx, 5)) }

func (c *Call) holds()             { c.o.must(c.sip.Hold(c.o.ctx)) }
func (c *Call) resumes()           { c.o.must(c.sip.Resume(c.o.ctx)) }
func (c *Call) hangsUp()           { c.o.must(c.sip.Hangup(c.o.ctx)) }
func (c *Call) givesUp()           { c.o.must(c.sip.Cancel(c.o.ctx)) }
func (c *Call) rejects(status int) { c.o.must(c.sip.Reject(c.o.ctx, status)) }
func (c *Call) redirects(to string) {
	c.o.must(c.sip.Redirect(c.o.ctx, to))
}

// over waits until the call has ended, whoever ended it.
func (c *Call) over() phone.End {
	e, err := c.sip.WaitEnded(c.o.ctx)
	c.o.must(err)
	return e
}

// gone tells whether the call has ended.
func (c *Call) gone() bool { return !c.noted("ended").IsZero() }

// presses dials digits during the call. The PBX may take the call away while the last one still sounds.
func (c *Call) presses(digits string) {
	if err := c.sip.Digits(c.o.ctx, digits); err != nil {
		select {
		case <-c.sip.Ended():
		default:
			c.o.must(err)
		}
	}
}

// noted is when the phone noted a fact of this call the first time; zero: never.
func (c *Call) noted(fact string) time.Time {
	for _, e := range c.phone.Log() {
		if e.Call == c.sip.ID && e.Dir == phone.Note && e.What == fact {
			return e.At
		}
	}
	return time.Time{}
}

// refers transfers the other end with the phone's own transfer key (REFER). Nothing comes back before the target rings:
// call done then; it returns once this phone is out of the call, or says that the transfer failed.
func (c *Call) refers(to string) (done func() error) {
	result := make(chan error, 1)
	go func() { result <- c.sip.BlindTransfer(c.o.ctx, to) }()
	return func() error { return <-result }
}

// joins transfers the other end of this call to the other end of another call of this phone (REFER with Replaces).
func (c *Call) joins(consult *Call) { c.o.must(c.sip.AttendedTransfer(c.o.ctx, consult.sip)) }
