package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func TestApps(t *testing.T) {
	s := clienttest.New(t)
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	ctx, before := t.Context(), len(s.Requests())
	_, err1 := c.ChangeApp(ctx, "crm", api.AppChange{Read: new([]string{})})
	err2 := c.ReleaseApp(ctx, "crm", "party.bio")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	asked := strings.Join(s.Requests()[before:], "\n")
	for _, want := range []string{"PATCH /v1/apps/crm", "DELETE /v1/apps/crm/quarantine/party.bio"} {
		if !strings.Contains(asked, want) {
			t.Errorf("%s was not asked, but\n%s", want, asked)
		}
	}
	if _, err := c.ChangeApp(ctx, "", api.AppChange{}); err == nil {
		t.Error("nobody is changed")
	}
}

// TestContended: the copy knows which field is frozen, until the next wave (B-15).
func TestContended(t *testing.T) {
	s := clienttest.New(t)
	s.Open(clienttest.Call("r1", "+4512345678"))
	c := connect(t, client.Options{URL: s.URL, Token: s.Token})
	told := make(chan *client.Record, 10)
	for _, kind := range []string{"field.contended", "record.changed"} {
		c.On(kind, func(_ context.Context, r *client.Record, _ client.Notification) { told <- r })
	}
	start(t, c)
	s.WaitStream(t, 1)
	s.Send("field.contended", "r1", map[string]any{"field": "party.bio", "sources": []string{"a", "b"}, "wave": 3})
	if r := <-told; !slices.Equal(r.Contended["party.bio"].Sources, []string{"a", "b"}) || r.Contended["party.bio"].Wave != 3 || r.Wave != 3 {
		t.Errorf("the record says %+v in wave %d", r.Contended, r.Wave)
	}
	s.Send("record.changed", "r1", map[string]any{"source": "user", "wave": 4, "fields": map[string]any{}})
	if r := <-told; len(r.Contended) != 0 {
		t.Errorf("in the next wave: %+v", r.Contended)
	}
}
