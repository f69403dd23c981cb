package board

import (
	"slices"
	"testing"
	"time"
)

// D-10: what is kept of a write goes with a change that is durable together with what the write did.
func TestReceiptsAreCarried(t *testing.T) {
	t.Parallel()
	n := 0
	b := New(Options{Epoch: "e", NewID: func(kind string) string { n++; return kind + string(rune('a'+n)) }})
	at := time.Unix(1_700_000_000, 0)
	carried := func(batch []*Change) (out []*Receipt) {
		for _, c := range batch {
			out = append(out, c.Receipts...)
		}
		return out
	}
	opened := &Receipt{Key: "1"}
	id, _ := b.OpenLookup("Alice", SourceUser, []NewClaim{{Field: "party.number", Value: "+4512345678"}}, at, opened)
	claimed, noted := &Receipt{Key: "2"}, &Receipt{Key: "3"}
	if _, err := b.Claim(id, "crm", []NewClaim{{Field: "party.name", Value: "Mette"}}, at, claimed); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.PutItem(id, "crm", NewItem{List: "notes", Text: "hello"}, at, noted); err != nil {
		t.Fatal(err)
	}
	silent := &Receipt{Key: "4"} // it changes nothing, and goes with what is pending
	if _, err := b.Claim(id, "crm", []NewClaim{{Field: "party.name", Value: "Mette"}}, at, silent, nil); err != nil {
		t.Fatal(err)
	}
	batch := b.Take()
	if got := carried(batch); !slices.Equal(got, []*Receipt{opened, claimed, noted, silent}) {
		t.Errorf("carried: %+v", got)
	}
	if !silent.Carried || silent.Written.Changed != 0 || claimed.Written.Changed != 1 || claimed.After.Value("party.name") != "Mette" || noted.Written.Item.Text != "hello" || opened.Written.Record != id {
		t.Errorf("the receipts: %+v, %+v, %+v", silent, claimed, noted)
	}
	b.Show(batch, true, at)
	for _, c := range b.journal.log {
		if c.Receipts != nil {
			t.Errorf("the log holds receipts: %+v", c)
		}
	}
	b.Show(b.Take(), true, at)
	alone, refused := &Receipt{Key: "5"}, &Receipt{Key: "6"}
	if _, err := b.Claim(id, "crm", []NewClaim{{Field: "party.name", Value: "Mette"}}, at, alone); err != nil || alone.Carried || alone.After == nil {
		t.Errorf("with nothing pending: %+v, %v", alone, err)
	}
	if _, err := b.Claim(id, "crm", []NewClaim{{Field: "call.state", Value: "ended"}}, at, refused); err == nil || refused.After != nil {
		t.Errorf("refused: %+v, %v", refused, err)
	}
}
