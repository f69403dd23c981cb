package webhook

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestSignature holds our signatures to the published library: each of the secrets verifies, another does not, and a changed
// body, id or time does not.
func TestSignature(t *testing.T) {
	t.Parallel()
	first, second := newSecret(), newSecret()
	body := []byte(`{"type":"call.ended","name":"Åse"}`)
	h := http.Header{}
	sign(h, "msg_1", time.Now(), body, []string{second, first})
	verify := func(secret string, body []byte, h http.Header) error {
		t.Helper()
		hook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return hook.Verify(body, h)
	}
	for _, secret := range []string{first, second} {
		if key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")); err != nil || len(key) != 32 {
			t.Errorf("the secret has %d bytes, %v", len(key), err)
		}
		if err := verify(secret, body, h); err != nil {
			t.Error(err)
		}
	}
	if verify(newSecret(), body, h) == nil {
		t.Error("another secret fits")
	}
	if verify(first, append(body, ' '), h) == nil {
		t.Error("another body fits")
	}
	for _, name := range []string{"webhook-id", "webhook-timestamp"} {
		changed := h.Clone()
		changed.Set(name, "1"+h.Get(name))
		if verify(first, body, changed) == nil {
			t.Errorf("another %s fits", name)
		}
	}
	old := http.Header{}
	sign(old, "msg_1", time.Now().Add(-10*time.Minute), body, []string{first})
	if verify(first, body, old) == nil {
		t.Error("an old request fits")
	}
}

// TestOverlap: the former secret signs until its time, and no longer.
func TestOverlap(t *testing.T) {
	t.Parallel()
	now := time.Now()
	h := Hook{Secret: "new", Former: "old", FormerUntil: now.Add(time.Hour)}
	if got := h.secrets(now); len(got) != 2 || got[0] != "new" {
		t.Errorf("got %v", got)
	}
	if got := h.secrets(now.Add(2 * time.Hour)); len(got) != 1 || got[0] != "new" {
		t.Errorf("got %v", got)
	}
}
