package client

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/callboard-dev/callboard/api"
)

// D-4: across reconnects at least once; what is not above the rev held is dropped, whatever its id says.
func TestRevNotAboveIsDropped(t *testing.T) {
	c, err := newClient(Options{URL: "http://127.0.0.1:1", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.replaceHeld([]*Record{{api.Record{ID: "r1", Rev: 5, State: api.RecordStateOpen}}})
	c.cursor = "a:9"
	var told []string
	c.On("*", func(_ context.Context, r *Record, n Notification) {
		told = append(told, fmt.Sprintf("%s %d", n.ID, r.Rev))
	})
	for _, n := range []struct {
		id  string
		rev int
	}{{"a:9", 6}, {"a:10", 5}, {"a:11", 6}, {"b:1", 6}, {"b:2", 7}, {"b:2", 8}} {
		in := Notification{}
		in.ID, in.Subject, in.Type = n.id, "r1", api.NotificationTypeRecordChanged
		in.Data = fmt.Appendf(nil, `{"rev":%d,"fields":{}}`, n.rev)
		if err := c.take(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"a:11 6", "b:2 7"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if c.cursor != "b:2" {
		t.Errorf("the cursor is %s", c.cursor)
	}
}
