package client_test

import (
	"context"
	"fmt"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
	"github.com/callboard-dev/callboard/client/clienttest"
)

func Example() {
	board, stop := clienttest.Listen() // in life: the URL and token that Callboard printed
	defer stop()
	board.Open(clienttest.Call("r1", "+4512345678"))
	ctx, done := context.WithCancel(context.Background())
	defer done()

	names := map[string]string{"+4512345678": "Mette Holm"}
	c, err := client.Connect(ctx, client.Options{URL: board.URL, Token: board.Token})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	c.Enrich(client.Enrichment{Needs: []string{"party.number"}, Gives: []string{"party.name"}},
		func(_ context.Context, r *client.Record, _ client.Work) (client.Answer, error) {
			return client.Answer{Claims: client.Claims{"party.name": names[r.Value("party.number")]}}, nil
		})
	c.On("call.ended", func(_ context.Context, r *client.Record, _ client.Notification) {
		fmt.Println(r.Value("party.name"), "was", r.Call.Result)
		done()
	})
	go func() { // the caller
		_, answers := board.Start("r1", api.Work{Changed: []string{"party.number"}})
		<-answers
		board.EndCall("r1", api.ResultAnswered)
	}()
	if err := c.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output: Mette Holm was answered
}
