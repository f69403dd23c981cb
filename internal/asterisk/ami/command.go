package ami

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// Bounds of the actions that are under way for others than the session itself.
const (
	inFlight    = 32               // more wait for a place
	answerLimit = 10 * time.Second // how long the PBX may take with one: it runs them one after the other
)

// replies are the actions whose response somebody waits for.
type replies struct {
	places chan struct{}
	gone   chan struct{} // closed when the link has gone: nobody waits any longer

	mu      sync.Mutex // guards waiting
	waiting map[string]chan *Message
}

func newReplies() *replies {
	return &replies{places: make(chan struct{}, inFlight), gone: make(chan struct{}), waiting: map[string]chan *Message{}}
}

func (r *replies) expect(id string) <-chan *Message {
	reply := make(chan *Message, 1) // so that the reading goroutine never waits for who asked
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[id] = reply
	return reply
}

func (r *replies) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// take gives a response to whoever waits for it. The message is the reader's: it gets a copy.
func (r *replies) take(m *Message) {
	id := m.Text("ActionID")
	r.mu.Lock()
	reply := r.waiting[id]
	delete(r.waiting, id)
	r.mu.Unlock()
	if reply != nil {
		reply <- m.Clone()
	}
}

var errGone = errors.New("ami: the link to the PBX went while an action was under way")

// do sends one action and returns its response, whatever that says. It may be called from any goroutine but the one that
// reads. It returns when the link goes.
func (s *session) do(ctx context.Context, a Action) (*Message, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	select {
	case s.replies.places <- struct{}{}:
		defer func() { <-s.replies.places }()
	case <-s.replies.gone:
		return nil, errGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if a.ID == "" {
		a.ID = s.nextID()
	}
	reply := s.replies.expect(a.ID)
	defer s.replies.forget(a.ID)
	if err := s.write(a); err != nil {
		return nil, err
	}
	select {
	case m := <-reply:
		return m, nil
	case <-s.replies.gone:
		return nil, errGone
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errAway = &telephony.Error{Code: telephony.CodePBXAway, Message: "there is no link to the PBX just now",
	Remedy: "wait until Callboard is connected again; the phone itself works meanwhile"}

// act sends one action to the PBX that is linked, if any.
func (c *Connector) act(ctx context.Context, a Action) (*Message, error) {
	s := c.linked.Load()
	if s == nil {
		return nil, errAway
	}
	return s.act(ctx, a)
}

// act is do with an error that a person may see; a refusal is one, too.
func (s *session) act(ctx context.Context, a Action) (*Message, error) {
	m, err := s.do(ctx, a)
	syntax, wrong := errors.AsType[*SyntaxError](err)
	switch {
	case wrong:
		return nil, &telephony.Error{Code: telephony.CodeInvalid, Message: "that cannot be sent to the PBX: " + syntax.Reason, Remedy: "correct " + syntax.Field}
	case errors.Is(err, context.DeadlineExceeded):
		return nil, &telephony.Error{Code: telephony.CodePBXAway, Message: "the PBX has not answered to " + a.Name + " in time; it may still do it",
			Remedy: "look at the phone before you try again"}
	case errors.Is(err, context.Canceled):
		return nil, err
	case err != nil:
		return nil, errAway
	case string(m.Response()) != "Success":
		return m, &telephony.Error{Code: telephony.CodePBXRefused, Message: "the PBX refused " + a.Name + ": " + telephony.Display(m.Text("Message")),
			Remedy: "look at the phone: the call may have changed meanwhile"}
	}
	return m, nil
}
