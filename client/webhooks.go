package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/callboard-dev/callboard/api"
)

// Webhooks asks for the apps that are reached at a URL, and how each stands. For the person's token only, as all that is
// about webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]api.Webhook, error) {
	var l api.WebhookList
	err := c.do(ctx, http.MethodGet, "/v1/webhooks", nil, &l)
	return l.Webhooks, err
}

// CreateWebhook lets an app in that is reached at a URL, and gives its signing secret, which is shown this once.
func (c *Client) CreateWebhook(ctx context.Context, hook api.NewWebhook) (api.WebhookSecret, error) {
	var s api.WebhookSecret
	err := c.do(ctx, http.MethodPost, "/v1/webhooks", hook, &s)
	return s, err
}

// ChangeWebhook changes where a webhook is, what it is told, or whether. What is left out stays.
func (c *Client) ChangeWebhook(ctx context.Context, id string, change api.WebhookChange) (api.Webhook, error) {
	var h api.Webhook
	err := c.hook(ctx, http.MethodPatch, id, "", change, &h)
	return h, err
}

// RemoveWebhook takes the app away, with its webhook and all that waits for it.
func (c *Client) RemoveWebhook(ctx context.Context, id string) error {
	return c.hook(ctx, http.MethodDelete, id, "", nil, nil)
}

// RotateWebhookSecret gives a webhook a new secret. The former signs too for as long as overlap.
func (c *Client) RotateWebhookSecret(ctx context.Context, id string, overlap time.Duration) (api.WebhookSecret, error) {
	var s api.WebhookSecret
	err := c.hook(ctx, http.MethodPost, id, "/secret?overlap_ms="+strconv.FormatInt(overlap.Milliseconds(), 10), nil, &s)
	return s, err
}

// TestWebhook sends a notification of type webhook.test now, and says what came of it.
func (c *Client) TestWebhook(ctx context.Context, id string) (api.Delivery, error) {
	var d api.Delivery
	err := c.hook(ctx, http.MethodPost, id, "/test", nil, &d)
	return d, err
}

// Deliveries asks for a page of what was and is to be delivered to a webhook, the newest first: at most limit, zero is 50,
// before the one with that number, zero is the first page. The page's Next is the before of the next one.
func (c *Client) Deliveries(ctx context.Context, id string, before int64, limit int) (api.DeliveryList, error) {
	query := url.Values{}
	if before > 0 {
		query.Set("before", strconv.FormatInt(before, 10))
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var l api.DeliveryList
	err := c.hook(ctx, http.MethodGet, id, "/deliveries?"+query.Encode(), nil, &l)
	return l, err
}

// ResendDelivery puts a delivery that is done in the queue once more, with the newest state of its record.
func (c *Client) ResendDelivery(ctx context.Context, id, delivery string) error {
	seg, err := segment("delivery", delivery)
	if err != nil {
		return err
	}
	return c.hook(ctx, http.MethodPost, id, "/deliveries/"+seg+"/resend", nil, nil)
}

func (c *Client) hook(ctx context.Context, method, id, rest string, in, out any) error {
	seg, err := segment("webhook", id)
	if err != nil {
		return err
	}
	return c.do(ctx, method, "/v1/webhooks/"+seg+rest, in, out)
}
