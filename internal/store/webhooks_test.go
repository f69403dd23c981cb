package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/board"
)

func aDelivery(n int, state, record string) WebhookDelivery {
	return WebhookDelivery{ID: fmt.Sprint("msg_", n), Hook: "crm", Epoch: "e", Seq: uint64(n), Kind: "call.ended", Record: record, At: time.Now(), State: state, Attempts: []byte("[]")}
}

func aHook(t *testing.T, s *Store) {
	t.Helper()
	if err := s.AddApp(t.Context(), App{ID: "crm", CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveWebhook(t.Context(), Webhook{ID: "crm", Settings: []byte(`{}`), Health: []byte(`{}`), CreatedAt: time.Now(), Secret: "whsec_x", Cursor: board.Cursor{Epoch: "e", Seq: 7}}); err != nil {
		t.Fatal(err)
	}
}

func ids(all []WebhookDelivery) []string {
	out := []string{}
	for _, d := range all {
		out = append(out, d.ID)
	}
	return out
}

// TestDeliveries: what waits and how far the log was read are kept in one transaction, and go with their app (D-9).
func TestDeliveries(t *testing.T) { both(t, testDeliveries) }

func testDeliveries(t *testing.T, at string) {
	s := openStore(t, at)
	ctx := t.Context()
	aHook(t, s)
	due := time.UnixMilli(1_800_000_000_000)
	fresh := []WebhookDelivery{aDelivery(3, "waiting", "rec_1"), aDelivery(1, "waiting", "rec_1"), aDelivery(2, "waiting", "rec_2")}
	if err := s.SaveDeliveries(ctx, "crm", board.Cursor{Epoch: "f", Seq: 9}, []byte(`{"problem":"x"}`), fresh, nil); err != nil {
		t.Fatal(err)
	}
	changed := fresh[1]
	changed.State, changed.Attempts, changed.Note, changed.Tries, changed.Due, changed.Folds = "failed", []byte(`[{"status":500}]`), "why", 2, due, 4
	if err := s.SaveDeliveries(ctx, "crm", board.Cursor{}, nil, nil, []WebhookDelivery{changed}); err != nil {
		t.Fatal(err)
	}
	// All of a transaction or nothing of it.
	if err := s.SaveDeliveries(ctx, "crm", board.Cursor{Epoch: "f", Seq: 99}, nil, []WebhookDelivery{aDelivery(4, "waiting", "rec_1"), aDelivery(3, "waiting", "rec_1")}, nil); err == nil {
		t.Error("a delivery was kept twice")
	}
	hooks, err := s.Webhooks(ctx)
	if err != nil || len(hooks) != 1 || hooks[0].Cursor != (board.Cursor{Epoch: "f", Seq: 9}) || hooks[0].Waiting != 2 || string(hooks[0].Health) != `{"problem":"x"}` || hooks[0].Secret != "whsec_x" {
		t.Fatalf("%+v, %v", hooks, err)
	}
	w := hooks[0]
	w.Secret, w.Former, w.FormerUntil, w.Cursor = "whsec_y", "whsec_x", due, board.Cursor{Epoch: "other", Seq: 1}
	if err := s.SaveWebhook(ctx, w); err != nil {
		t.Fatal(err)
	}
	if hooks, err = s.Webhooks(ctx); err != nil || hooks[0].Secret != "whsec_y" || !hooks[0].FormerUntil.Equal(due) || hooks[0].Cursor.Seq != 9 {
		t.Errorf("%+v, %v", hooks, err)
	}
	if all, err := s.WaitingDeliveries(ctx, "crm"); err != nil || !slices.Equal(ids(all), []string{"msg_2", "msg_3"}) {
		t.Errorf("waiting: %v, %v", ids(all), err)
	}
	all, err := s.Deliveries(ctx, "crm", 0, 2)
	if err != nil || !slices.Equal(ids(all), []string{"msg_2", "msg_1"}) {
		t.Fatalf("the first page: %v, %v", ids(all), err)
	}
	if got := all[1]; got.Tries != 2 || got.Folds != 4 || !got.Due.Equal(due) || got.Note != "why" || string(got.Attempts) != `[{"status":500}]` || got.Record != "rec_1" {
		t.Errorf("%+v", got)
	}
	if all, err := s.Deliveries(ctx, "crm", all[1].N, 2); err != nil || !slices.Equal(ids(all), []string{"msg_3"}) {
		t.Errorf("the next page: %v, %v", ids(all), err)
	}
	if d, err := s.Delivery(ctx, "erp", "msg_1"); d != nil || err != nil {
		t.Errorf("another's delivery: %+v, %v", d, err)
	}
	if err := s.RemoveApp(ctx, "crm"); err != nil {
		t.Fatal(err)
	}
	hooks, err = s.Webhooks(ctx)
	left, leftErr := s.Deliveries(ctx, "crm", 0, 10)
	if len(hooks)+len(left) != 0 || err != nil || leftErr != nil {
		t.Errorf("the app is gone and left %v, %v", hooks, left)
	}
}

// TestDeliveriesAreBounded: what is done is kept for the newest 1,000, what waits is not touched.
func TestDeliveriesAreBounded(t *testing.T) { both(t, testDeliveriesAreBounded) }

func testDeliveriesAreBounded(t *testing.T, at string) {
	s := openStore(t, at)
	ctx := t.Context()
	aHook(t, s)
	var all []WebhookDelivery
	for n := range 1500 {
		state := "sent"
		if n < 3 {
			state = "waiting"
		}
		all = append(all, aDelivery(n, state, "rec_1"))
	}
	if err := s.SaveDeliveries(ctx, "crm", board.Cursor{}, nil, all, nil); err != nil {
		t.Fatal(err)
	}
	left, err := s.Deliveries(ctx, "crm", 0, 5000)
	if err != nil || len(left) != keepDeliveries+3 || left[0].ID != "msg_1499" || left[len(left)-1].ID != "msg_0" {
		t.Errorf("%d are left, %v", len(left), err)
	}
}
