package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/callboard-dev/callboard/lab"
	"github.com/callboard-dev/callboard/lab/phone"
)

const help = `call NUMBER [FROM [NAME]]   call from outside: a desk (1001), a DID (5550200)
dial DESK NUMBER            let a desk of the lab call
answer [DESK], hold [DESK], resume [DESK], hangup [DESK]
transfer DESK NUMBER        blind
log [DESK]                  what the phone sent and saw; without a desk the outside phone
status, help, quit
`

// play is a running lab with its phones.
type play struct {
	lab    *lab.Lab
	out    io.Writer
	phones map[string]*phone.Phone // by desk; "outside"
	opts   upOptions
	wg     sync.WaitGroup

	mu    sync.Mutex // guards what follows, and out
	calls map[string]*phone.Call
}

const outside = "outside"

func up(ctx context.Context, o upOptions, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := lab.Install(ctx, out); err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Options{Net: o.net})
	if err != nil {
		return err
	}
	p := &play{lab: l, out: out, opts: o, phones: map[string]*phone.Phone{}, calls: map[string]*phone.Call{}}
	defer func() {
		cancel()
		for _, ph := range p.phones {
			ph.Close()
		}
		p.wg.Wait()
	}()
	stopped := func(err error) error { return errors.Join(err, l.Stop()) }
	if err := p.open(ctx); err != nil {
		return stopped(err)
	}
	p.describe()
	for name := range p.phones {
		p.wg.Go(func() { p.serve(ctx, name) })
	}
	p.wg.Go(func() { p.registerAgain(ctx) })
	if o.ringEvery > 0 {
		p.wg.Go(func() { p.ringAgain(ctx) })
	}
	// Reading the keyboard cannot be interrupted; this goroutine ends with the program.
	go func() {
		if p.read(ctx, in) {
			cancel()
		}
	}()
	<-ctx.Done()
	p.say("stopping")
	return stopped(nil)
}

func (p *play) open(ctx context.Context) error {
	var err error
	if p.phones[outside], err = p.lab.Outside(ctx); err != nil {
		delete(p.phones, outside)
		return err
	}
	for _, d := range p.opts.desks {
		ph, err := p.lab.Phone(ctx, d)
		if err != nil {
			return err
		}
		p.phones[d] = ph
	}
	return nil
}

func (p *play) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// describe prints what there is.
func (p *play) describe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	l := p.lab
	fmt.Fprintf(w, "\nAsterisk\t%s\tprocess %d\n", l.HostAddr(), l.PID())
	fmt.Fprintf(w, "  SIP\t%s udp\t%s tls\n", l.SIPAddr(), l.SIPTLSAddr())
	fmt.Fprintf(w, "  AMI\t%s\t%s tls\n", l.AMIAddr(), l.AMITLSAddr())
	fmt.Fprintf(w, "  ARI\t%s\tlab / lab-ari\n", l.ARIAddr())
	fmt.Fprintf(w, "  authority\t%s\n", l.CAFile())
	fmt.Fprintf(w, "  console\t%s/asterisk -rvvv\n", l.Dir())
	for _, a := range lab.Accounts {
		fmt.Fprintf(w, "AMI account\t%s / %s\tread %s; write %s\n", a.Name, a.Secret, a.Read, a.Write)
	}
	for _, d := range lab.Desks {
		who := "free: register your own SIP phone (" + d.Transport + ")"
		if p.phones[d.Number] != nil {
			who = "played by the lab at " + l.DeskAddr(d.Number)
		}
		fmt.Fprintf(w, "Desk %s\t%s / %s\t%s, %s\n", d.Number, d.Number, d.Password, d.Name, who)
	}
	fmt.Fprintln(w, "\nCalled from outside\t(command \"call\")")
	for _, n := range lab.Numbers {
		if n.From == lab.Outside {
			fmt.Fprintf(w, "  %s\t%s\n", n.Number, n.What)
		}
	}
	fmt.Fprintln(w, "Dialled at a desk")
	for _, n := range append(lab.Numbers, lab.Codes...) {
		if n.From == lab.Inside {
			fmt.Fprintf(w, "  %s\t%s\n", n.Number, n.What)
		}
	}
	_ = w.Flush() // the terminal
	fmt.Fprintf(p.out, "\ncallboard.yaml for 1001:\n\n%s\n%s\nCtrl-C ends the lab.\n", snippet(l), help)
}

// snippet is a configuration of Callboard for desk 1001.
func snippet(l *lab.Lab) string {
	return fmt.Sprintf(`pbx:
  kind: asterisk
  address: %s # or %s with the two lines below
  username: u1001
  secret: lab-u1001
  # tls: true
  # tls_ca: %s
line:
  name: Alice
  region: US
  extensions:
    - number: "1001"
      device: PJSIP/1001
`, l.AMIAddr(), l.AMITLSAddr(), l.CAFile())
}

// registerAgain keeps the desks registered: a registration lasts an hour, and a killed Asterisk may forget it.
func (p *play) registerAgain(ctx context.Context) {
	tick := time.NewTicker(20 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, d := range p.opts.desks {
			if err := p.phones[d].Register(ctx); err != nil {
				p.say("%v", err)
			}
		}
	}
}

// serve takes the calls that come to a phone, one after the other.
func (p *play) serve(ctx context.Context, name string) {
	for {
		c, err := p.phones[name].Incoming(ctx)
		if err != nil {
			return
		}
		p.wg.Go(func() { p.take(ctx, name, c) })
	}
}

func (p *play) take(ctx context.Context, name string, c *phone.Call) {
	if p.current(name) != nil {
		_ = c.Reject(ctx, 486)
		return
	}
	p.keep(name, c)
	from := c.Remote()
	if err := c.Ring(ctx); err == nil {
		p.say("%s rings: %s <%s>", name, from.Name, from.Number)
	}
	after := p.opts.answerAfter
	if name == outside {
		after = 3 * time.Second
	}
	if after > 0 {
		t := time.NewTimer(after)
		defer t.Stop()
		select {
		case <-t.C:
			p.report(name+" answers", c.Answer(ctx))
		case <-c.Ended():
		case <-ctx.Done():
		}
	}
	p.follow(ctx, name, c)
}

// follow says how a call ends.
func (p *play) follow(ctx context.Context, name string, c *phone.Call) {
	end, err := c.WaitEnded(ctx)
	if err != nil {
		return
	}
	p.mu.Lock()
	if p.calls[name] == c {
		delete(p.calls, name)
	}
	p.mu.Unlock()
	p.say("%s: call ended %v", name, end)
}

func (p *play) keep(name string, c *phone.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[name] = c
}

func (p *play) current(name string) *phone.Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[name]
}

func (p *play) report(what string, err error) {
	if err != nil {
		p.say("%s: %v", what, err)
		return
	}
	p.say("%s", what)
}

func (p *play) dial(ctx context.Context, name, number string, o phone.CallOptions) {
	ph := p.phones[name]
	if ph == nil {
		p.say("the lab does not play %s; see -desks", name)
		return
	}
	if p.current(name) != nil {
		p.say("%s is in a call; hang up first", name)
		return
	}
	c, err := ph.Call(ctx, number, o)
	if err != nil {
		p.say("%v", err)
		return
	}
	p.keep(name, c)
	p.say("%s calls %s", name, number)
	p.wg.Go(func() { p.follow(ctx, name, c) })
}

// callers are who rings with -ring-every.
var callers = []phone.CallOptions{
	{From: "4512345678", Name: "Jørgen Møller"},
	{From: "442071838750", Name: "Smith & Sons"},
	{From: "12125550123"},
	{From: "493012345678", Name: "Grün, Petra"},
}

func (p *play) ringAgain(ctx context.Context) {
	tick := time.NewTicker(p.opts.ringEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		if p.current(outside) == nil {
			p.dial(ctx, outside, p.opts.ring, callers[i%len(callers)])
		}
		select {
		case <-tick.C:
			if c := p.current(outside); c != nil {
				p.report("outside hangs up", c.Hangup(ctx))
			}
		case <-ctx.Done():
			return
		}
	}
}

// read obeys the keyboard; true when the person wants to quit.
func (p *play) read(ctx context.Context, in io.Reader) bool {
	sc := bufio.NewScanner(in)
	for sc.Scan() && ctx.Err() == nil {
		words := strings.Fields(sc.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			return true
		}
		p.obey(ctx, words[0], append(words[1:], "", "", ""))
	}
	return false
}

func (p *play) obey(ctx context.Context, command string, arg []string) {
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	switch command {
	case "call":
		number := arg[0]
		if len(number) == 4 { // a desk has a DID
			number = "55501" + number[2:]
		}
		name := strings.TrimSpace(strings.Join(arg[min(2, len(arg)):], " "))
		p.dial(ctx, outside, number, phone.CallOptions{From: arg[1], Name: name})
	case "dial":
		p.dial(ctx, arg[0], arg[1], phone.CallOptions{})
	case "answer", "hold", "resume", "hangup", "transfer":
		p.during(bounded, command, arg)
	case "log":
		name := arg[0]
		if name == "" {
			name = outside
		}
		if ph := p.phones[name]; ph != nil {
			p.say("%s", ph.LogText())
		}
	case "status":
		text, err := p.lab.CLI(bounded, "core show channels concise")
		p.report("channels:\n"+text, err)
	default:
		p.say("%s", help)
	}
}

// during does something to the call of a desk; without a desk, of the one that is in a call.
func (p *play) during(ctx context.Context, command string, arg []string) {
	name := arg[0]
	for _, d := range append(p.opts.desks, outside) {
		if name == "" && p.current(d) != nil {
			name = d
		}
	}
	c := p.current(name)
	if c == nil {
		p.say("no call to %s", command)
		return
	}
	var err error
	switch command {
	case "answer":
		err = c.Answer(ctx)
	case "hold":
		err = c.Hold(ctx)
	case "resume":
		err = c.Resume(ctx)
	case "hangup":
		err = c.Hangup(ctx)
	case "transfer":
		err = c.BlindTransfer(ctx, arg[1])
	}
	p.report(name+": "+command, err)
}
