package lab

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/lab/phone"
)

// Phone makes the desk phone with this number and registers it. The caller closes it.
func (l *Lab) Phone(ctx context.Context, number string) (*phone.Phone, error) {
	for _, d := range Desks {
		if d.Number != number {
			continue
		}
		p, err := phone.New(ctx, phone.Options{
			Addr: l.DeskAddr(number), Server: l.HostAddr(), User: number, Name: d.Name, Password: d.Password,
			Transport: d.Transport, CAFile: l.CAFile(),
		})
		if err != nil {
			return nil, err
		}
		if err := p.Register(ctx); err != nil {
			p.Close()
			return nil, err
		}
		return p, nil
	}
	return nil, fmt.Errorf("lab: no desk phone %s; there are 1001 to 1006", number)
}

// Outside makes the far end of the trunk: it calls the DIDs with any caller's number and name, and gets the
// calls that go out. There is one per lab. The caller closes it.
func (l *Lab) Outside(ctx context.Context) (*phone.Phone, error) {
	return phone.New(ctx, phone.Options{
		Addr: l.OutsideAddr(), Server: l.HostAddr(), User: "outside", Name: "Outside",
	})
}

// StartT starts a lab for one test and stops it when the test ends. A machine without Asterisk fails the
// test: it says what to run. When the test fails, the end of Asterisk's log is in its output.
func StartT(t testing.TB, opts ...Options) *Lab {
	t.Helper()
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	l, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(l.LogTail(60))
		}
		if err := l.Stop(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// PhoneT is Phone for a test; the phone is closed when the test ends, and its log printed if the test failed.
func (l *Lab) PhoneT(t testing.TB, number string) *phone.Phone {
	t.Helper()
	return phoneT(t, func(ctx context.Context) (*phone.Phone, error) { return l.Phone(ctx, number) })
}

// OutsideT is Outside for a test; the phone is closed when the test ends, and its log printed if the test
// failed.
func (l *Lab) OutsideT(t testing.TB) *phone.Phone {
	t.Helper()
	return phoneT(t, l.Outside)
}

func phoneT(t testing.TB, open func(context.Context) (*phone.Phone, error)) *phone.Phone {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	p, err := open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.LogText())
		}
		p.Close()
	})
	return p
}
