package client

import (
	"context"
	"net/http"

	"github.com/callboard-dev/callboard/api"
)

// CreateCode makes a one-time code and the page's address with it. It is for the person's token only.
func (c *Client) CreateCode(ctx context.Context) (api.Code, error) {
	var code api.Code
	err := c.do(ctx, http.MethodPost, "/v1/codes", nil, &code)
	return code, err
}
