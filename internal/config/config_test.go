package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDescribed loads the described file back: the example cannot drift from what is read.
func TestDescribed(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	if err := Describe(&text); err != nil {
		t.Fatal(err)
	}
	c, err := Parse(text.Bytes())
	if err != nil {
		t.Fatalf("the described file does not load: %v\n%s", err, text.String())
	}
	want := Defaults()
	if c.Listen.Address != want.Listen.Address || c.Line.Region != want.Line.Region || c.PBX.Kind != want.PBX.Kind {
		t.Errorf("examples differ from defaults: %+v", c)
	}
	if len(c.Line.Extensions) != 1 || c.Line.Extensions[0].Number != "1001" {
		t.Errorf("extensions: got %+v", c.Line.Extensions)
	}
}

// TestLiteral holds that a text without quotes is taken as it is written, even where YAML would read a number.
func TestLiteral(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte("pbx: {address: \"127.0.0.1:5038\", username: 007, secret: 0123}\nline:\n  region: \"DK\"\n  extensions:\n    - number: 0100 # the front desk\n    - number: '0x1F'\n      name: 1.50\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.PBX.Username, string(c.PBX.Secret), c.Line.Extensions[0].Number, c.Line.Extensions[1].Number, c.Line.Extensions[1].Name, c.Line.Region}
	if want := []string{"007", "0123", "0100", "0x1F", "1.50", "DK"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDialPolicy: prefixes are texts, with or without quotes.
func TestDialPolicy(t *testing.T) {
	t.Parallel()
	c, err := Parse([]byte("pbx: {address: \"127.0.0.1:5038\", username: u, secret: s, record_code: \"*3\"}\nline: {extensions: [{number: 1001}]}\ndial:\n  outside: 0\n  allow: [+45, 0046, \"*72\"]\n  deny:\n    - 00\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Dial.Outside != "0" || !slices.Equal(c.Dial.Allow, []string{"+45", "0046", "*72"}) || !slices.Equal(c.Dial.Deny, []string{"00"}) || c.PBX.RecordCode != "*3" || c.Dial.Show != "extension" {
		t.Errorf("got %+v", c.Dial)
	}
}

// TestKeep: days, and nothing goes unless it is said.
func TestKeep(t *testing.T) {
	t.Parallel()
	const file = "pbx: {address: \"127.0.0.1:5038\", username: u, secret: s}\nline: {extensions: [{number: 1001}]}\n"
	for text, wants := range map[string]string{
		"": "", "keep: {calls: 90, lookups: 30, items: 14, changes: 7}": "", "keep: {calls: -1}": "keep.calls: -1 is not 0 to 36500", "keep: {items: 40000}": "keep.items: 40000",
		"keep: {lookups: 29}": "keep.lookups: a lookup waits 30 days", "keep: {lookups: 7}\nboard: {keep_lookups: 7}": "",
	} {
		c, err := Parse([]byte(file + text))
		if (err != nil) != (wants != "") || err != nil && !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v", text, err)
		}
		if text == "" && c.Keep != (Keep{}) {
			t.Errorf("something goes by itself: %+v", c.Keep)
		}
	}
}

// TestErrors holds every error to naming the key and a remedy.
func TestErrors(t *testing.T) {
	t.Parallel()
	good := "pbx: {address: \"127.0.0.1:5038\", username: u, secret: s}\nline: {extensions: [{number: \"1001\"}]}\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatalf("a small good file: %v", err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":           {good + "listn: {}\n", "listn"},
		"unknown line":          {good + "listn: {}\n", "[3:1]"},
		"outside digit":         {good + "dial: {outside: nine}\n", "dial.outside"},
		"record code":           {strings.Replace(good, "secret: s", "secret: s, record_code: star", 1), "pbx.record_code"},
		"context":               {strings.Replace(good, "secret: s", "secret: s, context: \"a b\"", 1), "pbx.context"},
		"allowed":               {good + "dial: {allow: [\"\"]}\n", "dial.allow"},
		"denied":                {good + "dial: {deny: [DK]}\n", "dial.deny"},
		"webhook net":           {good + "webhooks: {allow: [home]}\n", "webhooks.allow"},
		"no collector":          {good + "traces: {endpoint: \"127.0.0.1:4318\"}\n", "traces.endpoint"},
		"a collector elsewhere": {good + "traces: {endpoint: \"http://192.0.2.1:4318\"}\n", "use https"},
		"webhook queue":         {good + "webhooks: {queue_mib: 0}\n", "webhooks.queue_mib"},
		"shown number":          {good + "dial: {show: mine}\n", "dial.show"},
		"no database":           {good + "store: mysql://u:p@h/d\n", "store is no address"},
		"no port":               {strings.Replace(good, "127.0.0.1:5038", "127.0.0.1", 1), "has no port"},
		"far and plain":         {strings.Replace(good, "127.0.0.1:5038", "192.0.2.1:5038", 1), "tls: true"},
		"no secret":             {strings.Replace(good, ", secret: s", "", 1), "pbx.secret is missing"},
		"no extension":          {"pbx: {address: \"127.0.0.1:5038\", username: u, secret: s}\n", "line.extensions is missing"},
		"open listener":         {good + "listen: {address: \"0.0.0.0:80\"}\n", "127.0.0.1:8747"},
		"twice":                 {strings.Replace(good, "[{", "[{number: \"1001\"}, {", 1), "1001 is there twice"},
		"no country":            {strings.Replace(good, "line: {", "line: {region: Denmark, ", 1), "two letters"},
		"no port word":          {strings.Replace(good, "127.0.0.1:5038", "127.0.0.1:abc", 1), "is no port"},
		"listen alone":          {good + "listen: {address: \"127.0.0.1\"}\n", "has no port"},
		"empty":                 {"", "is empty"},
		"wrong kind":            {strings.Replace(good, "pbx: {", "pbx: {kind: cisco, ", 1), "use asterisk"},
		"not yaml":              {"pbx: [", "config describe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}

func TestSecretFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := write("secret", "s3cret\n")
	c, err := Load(write("callboard.yaml", "pbx: {address: \"127.0.0.1:5038\", username: u, secret_file: \""+secret+"\"}\nline: {extensions: [{number: \"1001\"}]}\nstore: postgres://u:s3cret@h/d\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.PBX.Secret != "s3cret" {
		t.Error("the secret was not read from its file")
	}
	if printed := fmt.Sprintf("%v %+v %#v", c, c.PBX, c.PBX.Secret); strings.Contains(printed, "s3cret") {
		t.Error("a secret prints")
	}
}
