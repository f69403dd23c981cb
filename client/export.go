package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/callboard-dev/callboard/api"
)

// Export writes all that Callboard keeps in a format, as it comes: it may take as long as ctx lets it. After an error what was written is
// not whole. For the person's token only.
func (c *Client) Export(ctx context.Context, format api.ExportFormat, to io.Writer) error {
	req, err := c.request(ctx, http.MethodGet, "/v1/export?format="+url.QueryEscape(string(format)), nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return c.read(res, nil)
	}
	_, err = io.Copy(to, res.Body)
	return err
}
