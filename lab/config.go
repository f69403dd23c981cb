package lab

import (
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed etc/*.conf
var templates embed.FS

// Desk is a desk phone's account.
type Desk struct {
	Number    string // extension, also the SIP user
	Name      string
	Password  string // SIP password
	Transport string // "udp" or "tls"; with tls the media are encrypted too (SDES)
	last      int    // last byte of the address
}

// Desks are the desk phones of every lab. 1001 to 1006 are one pickup group.
var Desks = []Desk{
	{"1001", "Alice One", "pw1001", "udp", 101},
	{"1002", "Bob Two", "pw1002", "udp", 102},
	{"1003", "Carol Three", "pw1003", "udp", 103},
	{"1004", "Dave Four", "pw1004", "udp", 104},
	{"1005", "Erin Five", "pw1005", "udp", 105},
	{"1006", "Frank Six", "pw1006", "tls", 106},
}

// Account is an AMI account.
type Account struct {
	Name   string
	Secret string
	Read   string // event classes
	Write  string // command classes
}

// Accounts are the AMI accounts of every lab: one that may everything, one with as little as an end
// user's line needs, one that hears the call class only.
var Accounts = []Account{
	{"admin", "lab-admin", "all", "all"},
	{"u1001", "lab-u1001", "call,cdr,agent", "originate,call"},
	{"slim", "lab-slim", "call", "originate,call"},
}

// settings is what the templates in etc see.
type settings struct {
	Host, Outside string // addresses
	Dir           string // the lab's folder
	Modules, Data string // of the installation
	Desks         []Desk
	Accounts      []Account
	Timestamps    bool
	CDREvents     bool
}

// quiet are files that Asterisk wants to exist: without them it logs errors that mean nothing.
var quiet = []string{"acl.conf", "ccss.conf", "pjproject.conf", "queuerules.conf", "udptl.conf", "websocket_client.conf"}

// writeConfig fills the lab's folder, so that Asterisk can be started in it.
func writeConfig(s settings, inst *Installation, extra map[string]string) error {
	for _, sub := range []string{"etc", "keys", "log", "moh", "run", "spool", "cache", "var/keys"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, sub), 0o755); err != nil {
			return fmt.Errorf("lab: folder: %w", err)
		}
	}
	if err := writeTemplates(s, extra); err != nil {
		return err
	}
	for _, name := range quiet {
		if err := os.WriteFile(filepath.Join(s.Dir, "etc", name), nil, 0o644); err != nil {
			return err
		}
	}
	if err := writeKeys(filepath.Join(s.Dir, "keys"), s.Host); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "moh", "tone.sln"), tone(), 0o644); err != nil {
		return err
	}
	return writeStarter(s.Dir, inst)
}

func writeTemplates(s settings, extra map[string]string) error {
	all, err := template.ParseFS(templates, "etc/*.conf")
	if err != nil {
		return fmt.Errorf("lab: templates: %w", err)
	}
	for name := range extra {
		if _, err := fs.Stat(templates, "etc/"+name); err != nil {
			return fmt.Errorf("lab: Options.Append: there is no %s", name)
		}
	}
	for _, t := range all.Templates() {
		f, err := os.Create(filepath.Join(s.Dir, "etc", t.Name()))
		if err != nil {
			return err
		}
		err = t.Execute(f, s)
		if err == nil && extra[t.Name()] != "" {
			_, err = f.WriteString("\n" + extra[t.Name()] + "\n")
		}
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("lab: %s: %w", t.Name(), err)
		}
	}
	return nil
}

// writeStarter writes a script that runs Asterisk with the lab's configuration. It is also what a person
// uses for the console: DIR/asterisk -rvvv.
func writeStarter(dir string, inst *Installation) error {
	path := filepath.Join(dir, "asterisk")
	var words []string
	for i, w := range inst.command {
		words = append(words, quote(w))
		if i == 0 && len(inst.command) > 1 {
			// "core restart now" runs argv[0] again: that must be this script, not the bare program.
			words = append(words, "--argv0", quote(path))
		}
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, e := range inst.env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(value))
	}
	fmt.Fprintf(&b, "exec %s -C %s \"$@\"\n", strings.Join(words, " "), quote(filepath.Join(dir, "etc/asterisk.conf")))
	return os.WriteFile(path, []byte(b.String()), 0o755)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// tone is five seconds of a quiet 440 Hz, signed linear 8 kHz: Debian's packages have no music on hold.
func tone() []byte {
	out := make([]byte, 0, 5*8000*2)
	for i := range 5 * 8000 {
		v := int16(2000 * math.Sin(2*math.Pi*440*float64(i)/8000))
		out = binary.LittleEndian.AppendUint16(out, uint16(v))
	}
	return out
}
