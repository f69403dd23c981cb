package lab_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/lab/phone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within bounds every wait of one test.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// do fails the test at the first error.
func do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func dial(t *testing.T, ctx context.Context, p *phone.Phone, number string, o phone.CallOptions) *phone.Call {
	t.Helper()
	c, err := p.Call(ctx, number, o)
	do(t, err)
	return c
}

func incoming(t *testing.T, ctx context.Context, p *phone.Phone) *phone.Call {
	t.Helper()
	c, err := p.Incoming(ctx)
	do(t, err)
	return c
}

func ended(t *testing.T, ctx context.Context, c *phone.Call) phone.End {
	t.Helper()
	e, err := c.WaitEnded(ctx)
	do(t, err)
	return e
}

// hangup ends a call at one phone and waits until the others see it.
func hangup(t *testing.T, ctx context.Context, c *phone.Call, others ...*phone.Call) {
	t.Helper()
	do(t, c.Hangup(ctx))
	for _, o := range others {
		ended(t, ctx, o)
	}
}

// story checks that the log has these entries ("dir what") in this order; others may be between.
func story(t *testing.T, p *phone.Phone, want ...string) {
	t.Helper()
	rest := want
	for _, e := range p.Log() {
		if len(rest) > 0 && e.Dir+" "+e.What == rest[0] {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		t.Errorf("log lacks %q, or not in this order: %s", rest[0], strings.Join(want, ", "))
	}
}
