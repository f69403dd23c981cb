package client

import (
	"context"
	"net/http"

	"github.com/callboard-dev/callboard/api"
)

// Erase erases a person from the board, the log and the database, and gives the proof. It cannot be undone. With DryRun
// it tells what would go. Without DoneAt it is still going on: ask for it with [Client.Erasure]. For the person's token only, as
// are the others.
func (c *Client) Erase(ctx context.Context, who api.NewErasure) (api.Erasure, error) {
	var e api.Erasure
	err := c.do(ctx, http.MethodPost, "/v1/erasures", who, &e)
	return e, err
}

// Erasure is the proof of one erasure.
func (c *Client) Erasure(ctx context.Context, id string) (api.Erasure, error) {
	var e api.Erasure
	seg, err := segment("erasure", id)
	if err != nil {
		return e, err
	}
	err = c.do(ctx, http.MethodGet, "/v1/erasures/"+seg, nil, &e)
	return e, err
}

// VerifyErasure looks again whether anything of a person is left, and, by the code that the erasure gave, whether the proof is of them.
func (c *Client) VerifyErasure(ctx context.Context, id string, who api.NewVerification) (api.Verification, error) {
	var v api.Verification
	seg, err := segment("erasure", id)
	if err != nil {
		return v, err
	}
	err = c.do(ctx, http.MethodPost, "/v1/erasures/"+seg+"/verification", who, &v)
	return v, err
}

// Erasures are the newest proofs.
func (c *Client) Erasures(ctx context.Context) ([]api.Erasure, error) {
	var l api.ErasureList
	err := c.do(ctx, http.MethodGet, "/v1/erasures", nil, &l)
	return l.Erasures, err
}
