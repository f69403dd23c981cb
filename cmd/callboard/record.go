package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/asterisk/ami"
	"github.com/callboard-dev/callboard/internal/telephony"
)

type recordCommand struct {
	File       string `arg:"" type:"path" help:"Where to keep it, such as calls.ami. The times go beside it, as calls.times."`
	configured `embed:""`

	For  time.Duration `help:"How long, such as 10m. Default: until Ctrl-C." placeholder:"TIME"`
	Blur bool          `help:"Replace names, and numbers of seven digits and more, the same by the same."`
}

func (c *recordCommand) Run(ctx context.Context) error {
	_, settings, err := c.load()
	if err != nil {
		return err
	}
	link, err := app.Asterisk(settings.PBX, nil)
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	wire, err := fresh(c.File)
	if err != nil {
		return err
	}
	times, err := fresh(timesOf(c.File))
	if err != nil {
		return errors.Join(err, wire.Close(), os.Remove(c.File))
	}
	said := &recordingSayer{out: os.Stderr, bytes: -1}
	r := &ami.Recorder{Wire: wire, Times: times, Progress: said.tell}
	if c.Blur {
		r.Blur = ami.NewBlur()
	}
	err = errors.Join(r.Run(ctx, link), wire.Close(), times.Close())
	if said.bytes <= 0 {
		return errors.Join(err, os.Remove(c.File), os.Remove(timesOf(c.File)))
	}
	said.end(c)
	return err
}

// fresh makes a file that only its owner may read, and never one that is there already.
func fresh(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already: give another name, or move it away", name)
	}
	if err != nil {
		return nil, fmt.Errorf("the recording cannot be kept: %w", err)
	}
	return f, nil
}

// recordingSayer tells the person at the terminal how the recording goes: once a second there, else only of the link.
type recordingSayer struct {
	out          *os.File
	bytes, calls int
	saidAt       time.Time
	open         bool // a line is begun
}

func (s *recordingSayer) tell(p ami.Progress) {
	s.bytes, s.calls = p.Bytes, p.Calls
	if p.Link != nil {
		switch p.Link.State {
		case telephony.LinkConnected:
			s.say("Recording what " + p.Link.Peer + " sends. Ctrl-C ends it.\n")
		case telephony.LinkGone:
			s.say(p.Link.Problem + ": the recording goes on when it is back\n")
		case telephony.LinkRefused:
			s.say(p.Link.Problem + ": " + p.Link.Remedy + "\n")
		}
		return
	}
	if now := time.Now(); now.Sub(s.saidAt) >= time.Second && terminal(s.out) {
		s.saidAt = now
		fmt.Fprintf(s.out, "\r%d kB, %d calls ", p.Bytes/1000, p.Calls)
		s.open = true
	}
}

func (s *recordingSayer) say(text string) {
	if s.open {
		io.WriteString(s.out, "\n")
		s.open = false
	}
	io.WriteString(s.out, text)
}

func (s *recordingSayer) end(c *recordCommand) {
	s.say(fmt.Sprintf("%s has %d bytes and %d calls; when they came is in %s.\n", c.File, s.bytes, s.calls, timesOf(c.File)))
	if !c.Blur {
		s.say("It holds who called whom, of everybody at this PBX: numbers and names. Give it only to who may know; --blur leaves them out.\n")
	}
	s.say(fmt.Sprintf("What Callboard concludes from it: %s trace replay %s --line EXTENSION\n", self(), c.File))
}

func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
