package store

import (
	"slices"
	"testing"
	"time"
)

// D-10: that a command was given is known for a day, by who gave it and its key, also after a kill.
func TestCommands(t *testing.T) { both(t, testCommands) }

func testCommands(t *testing.T, at string) {
	ctx, path := t.Context(), at
	s := openStore(t, path)
	asked := Command{Source: "user", Key: "key-1", Request: [32]byte{1, 2, 3}, At: time.Now().Truncate(time.Millisecond)}
	if before, err := s.BeginCommand(ctx, asked); err != nil || before != nil {
		t.Fatalf("a new one: %+v, %v", before, err)
	}
	if before, err := s.BeginCommand(ctx, Command{Source: "user", Key: "key-1", Request: [32]byte{9}, At: asked.At}); err != nil || before == nil || before.Status != 0 || before.Request != asked.Request || !before.At.Equal(asked.At) {
		t.Errorf("begun before: %+v, %v", before, err)
	}
	if before, err := s.BeginCommand(ctx, Command{Source: "crm", Key: "key-1", At: asked.At}); err != nil || before != nil {
		t.Errorf("another's: %+v, %v", before, err)
	}
	if err := s.EndCommand(ctx, "user", "key-1", 201, []byte(`{"record":"rec_1"}`)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, path)
	if before, err := s.BeginCommand(ctx, asked); err != nil || before == nil || before.Status != 201 || string(before.Answer) != `{"record":"rec_1"}` {
		t.Errorf("done before: %+v, %v", before, err)
	}
	if err := s.DropCommand(ctx, "crm", "key-1"); err != nil {
		t.Fatal(err)
	}
	if before, err := s.BeginCommand(ctx, Command{Source: "crm", Key: "key-1", At: asked.At}); err != nil || before != nil {
		t.Errorf("after it was dropped: %+v, %v", before, err)
	}
	asked.At = asked.At.Add(commandsFor + time.Second)
	if before, err := s.BeginCommand(ctx, asked); err != nil || before != nil {
		t.Errorf("a day later: %+v, %v", before, err)
	}
}

func TestWhatAppsMay(t *testing.T) { both(t, testWhatAppsMay) }

func testWhatAppsMay(t *testing.T, at string) {
	ctx := t.Context()
	s := openStore(t, at)
	for _, may := range [][]string{{"dial", "control"}, nil, {"dial"}} {
		if err := s.AddApp(ctx, App{ID: "crm", TokenHash: [32]byte{1}, May: may}); err != nil {
			t.Fatal(err)
		}
		if apps, err := s.Apps(ctx); err != nil || len(apps) != 1 || !slices.Equal(apps[0].May, may) {
			t.Errorf("got %+v, %v, want %v", apps, err, may)
		}
	}
}
