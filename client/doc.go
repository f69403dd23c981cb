// Package client is the Go SDK of Callboard: it reads the board, follows every change, and adds what an app knows.
//
//	c, err := client.Connect(ctx, client.Options{URL: "http://127.0.0.1:8747", Token: os.Getenv("CALLBOARD_TOKEN")})
//	if err != nil {
//		return err // says what is wrong and what to do
//	}
//	defer c.Close()
//	c.On("call.ended", func(ctx context.Context, r *client.Record, n client.Notification) {
//		log.Println(r.Value("party.name"), "-", r.Call.Result)
//	})
//	c.Enrich(client.Enrichment{Needs: []string{"party.number"}, Gives: []string{"party.name"}},
//		func(ctx context.Context, r *client.Record, w client.Work) (client.Answer, error) {
//			return client.Answer{Claims: client.Claims{"party.name": names[r.Value("party.number")]}}, nil
//		})
//	return c.Run(ctx) // until ctx ends, or the token is refused
//
// What it promises:
//
//   - Handlers are called one after the other, in the order of the changes, from the goroutine that called [Client.Run].
//     A handler that blocks holds up the handlers behind it, but neither Callboard nor any other app.
//   - A notification is told once. After a break Run goes on from where it was; what comes twice is dropped. Only when
//     the place is gone (a long absence, a new epoch) is the board listed anew, and then what happened in between is not
//     told one by one: [Client.OnListed] is where an app catches up.
//   - Enrich functions run in goroutines of their own, never more than [Options.Parallel] works at a time, so a slow
//     one does not hold up the stream. Run waits for them before it returns.
//   - A [Record] is never changed once it was handed out. Keep it and share it freely, but do not write to its maps.
//
// All methods of [Client] may be called from any goroutine, also from handlers and enrich functions; those that take a
// context wait for an answer of the server, at most 30 s. Do not assume that a write is in the local copy when its call
// returns: it comes with the stream.
package client
