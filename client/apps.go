package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/callboard-dev/callboard/api"
)

// Apps asks for the apps that hold a token: what each may, whether it works just now, and what it is barred from. For the
// person's token only, as are all in this file.
func (c *Client) Apps(ctx context.Context) ([]api.App, error) {
	l, err := c.AppList(ctx)
	return l.Apps, err
}

// AppList is Apps with the rings of apps that may set each other off.
func (c *Client) AppList(ctx context.Context) (api.AppList, error) {
	var l api.AppList
	err := c.do(ctx, http.MethodGet, "/v1/apps", nil, &l)
	return l, err
}

// Permission is a kind of command that an app may give: [MayDial], [MayControl].
type Permission = api.Permission

// What an app may be let do besides reading and writing records.
const (
	MayDial    = api.PermissionDial
	MayControl = api.PermissionControl
)

// LetIn lets an app in with all that can be said of it: what it may read and write, and what it needs and gives, for the
// warning of loops in the answer.
func (c *Client) LetIn(ctx context.Context, app api.NewApp) (api.AppToken, error) {
	var t api.AppToken
	err := c.do(ctx, http.MethodPost, "/v1/apps", app, &t)
	return t, err
}

// CreateApp lets an app in and gives its token, which is shown this once. An app that is there already gives a [*Problem]
// with the code conflict.
func (c *Client) CreateApp(ctx context.Context, id, name string, may ...Permission) (api.AppToken, error) {
	return c.LetIn(ctx, api.NewApp{ID: id, Name: name, May: may})
}

// RenewApp is CreateApp for an app that may be there already: its old token stops working, its streams end.
func (c *Client) RenewApp(ctx context.Context, id, name string, may ...Permission) (api.AppToken, error) {
	return c.LetIn(ctx, api.NewApp{ID: id, Name: name, Renew: true, May: may})
}

// ChangeApp changes what an app may, or what it is called; what is nil stays, and so does its token.
func (c *Client) ChangeApp(ctx context.Context, id string, change api.AppChange) (api.App, error) {
	var a api.App
	seg, err := segment("app", id)
	if err != nil {
		return a, err
	}
	err = c.do(ctx, http.MethodPatch, "/v1/apps/"+seg, change, &a)
	return a, err
}

// ReleaseApp lets an app write a field again that it was barred from because it ran in circles there.
func (c *Client) ReleaseApp(ctx context.Context, id, field string) error {
	seg, err := segment("app", id)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodDelete, "/v1/apps/"+seg+"/quarantine/"+url.PathEscape(field), nil, nil)
}

// RemoveApp takes an app's token away and ends its streams.
func (c *Client) RemoveApp(ctx context.Context, id string) error {
	seg, err := segment("app", id)
	if err != nil {
		return err
	}
	return c.do(ctx, http.MethodDelete, "/v1/apps/"+seg, nil, nil)
}
