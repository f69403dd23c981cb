// Package config is callboard.yaml: structs with their documentation and defaults, loaded strictly.
//
// The struct is the documentation: Describe prints a commented file from it, and a test loads that file back. A key that is
// not known is an error that names the line. Secrets are a type that prints as stars.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/nyaruka/phonenumbers"
)

// Config is the whole file.
type Config struct {
	PBX      PBX      `yaml:"pbx" doc:"The phone system, and who you are there."`
	Line     Line     `yaml:"line" doc:"Whose calls these are."`
	Dial     Dial     `yaml:"dial,omitempty" doc:"How numbers are dialled from the page and apps, and which."`
	Listen   Listen   `yaml:"listen,omitempty" doc:"Where the page and the API are."`
	Limits   Limits   `yaml:"limits,omitempty" doc:"What one app may do at most."`
	Board    Board    `yaml:"board,omitempty" doc:"Whose word counts where sources disagree."`
	Keep     Keep     `yaml:"keep,omitempty" doc:"For how many days things are kept. 0: for ever. What is over goes by itself and cannot be brought back."`
	Webhooks Webhooks `yaml:"webhooks,omitempty" doc:"Apps that are reached at a URL."`
	Traces   Traces   `yaml:"traces,omitempty" doc:"How apps worked on each record, for a collector of OpenTelemetry. Off unless an endpoint is named."`
	Store    Secret   `yaml:"store,omitempty" doc:"Address of a PostgreSQL database to keep all in, such as postgres://callboard@db.example.com/callboard; the password is better in ~/.pgpass. Empty: a file in the data folder." example:""`
	Data     string   `yaml:"data,omitempty" doc:"Folder for the database and the token. Empty: callboard in your user's configuration folder." example:""`
}

// PBX is the phone system.
type PBX struct {
	Kind       string `yaml:"kind,omitempty" doc:"asterisk: an Asterisk 16 or later by its manager interface (AMI)." example:"asterisk"`
	Address    string `yaml:"address" doc:"Host and port of the manager: 5038, or 5039 with TLS." example:"127.0.0.1:5038"`
	Username   string `yaml:"username" doc:"The account in manager.conf. Enough are read = call,system,agent and write = call,reporting,originate; callboard doctor says what each is for." example:"u1001"`
	Secret     Secret `yaml:"secret,omitempty" doc:"Its secret; or name a file that holds it." example:"change-me"`
	SecretFile string `yaml:"secret_file,omitempty" doc:"File that holds the secret, for service managers." example:""`
	Login      string `yaml:"login,omitempty" doc:"plain or md5. Empty: plain inside TLS, else md5." example:""`
	TLS        bool   `yaml:"tls,omitempty" doc:"Speak TLS. Needed for a PBX on another machine, unless allow_plain." example:"false"`
	TLSCA      string `yaml:"tls_ca,omitempty" doc:"File with the certificate of the authority that signed the PBX's, if this computer does not know it." example:""`
	TLSName    string `yaml:"tls_name,omitempty" doc:"The name in the PBX's certificate, if it is not the host in address." example:""`
	Context    string `yaml:"context,omitempty" doc:"The context of the dialplan in which numbers are dialled and transferred to. Empty: that of the device, else from-internal." example:""`
	RecordCode string `yaml:"record_code,omitempty" doc:"The digits that start and stop a recording during a call (automixmon in features.conf), for accounts without the right system. Empty: there are none." example:""`
	AllowPlain bool   `yaml:"allow_plain,omitempty" doc:"Speak without TLS to another machine: everybody on the way can read the calls." example:"false"`
	CDR        CDR    `yaml:"cdr,omitempty" doc:"Where the PBX keeps its own records of calls. Those that were made while Callboard was off are read back from there."`
}

// CDR is where call detail records are.
type CDR struct {
	Source     string `yaml:"source,omitempty" doc:"A file, /var/log/asterisk/cdr-csv/Master.csv, or a database, postgres://reader@192.0.2.10/asterisk or mysql://reader@192.0.2.10/asteriskcdrdb. Empty: none." example:""`
	Secret     Secret `yaml:"secret,omitempty" doc:"The password of the database's user; or name a file that holds it." example:""`
	SecretFile string `yaml:"secret_file,omitempty" doc:"File that holds the password." example:""`
	Table      string `yaml:"table,omitempty" doc:"The database's table." example:"cdr"`
	Zone       string `yaml:"zone,omitempty" doc:"Zone in which the PBX writes times, such as Europe/Copenhagen; UTC with usegmtime=yes in cdr.conf. Empty: that of this computer." example:""`
	Days       int    `yaml:"days,omitempty" doc:"How many days are read back at most, 1 to 90." example:"7"`
	Calls      int    `yaml:"calls,omitempty" doc:"How many calls are read back at one time at most, 1 to 10000: the newest." example:"500"`
}

// Line is one end user.
type Line struct {
	Name       string      `yaml:"name,omitempty" doc:"What to call the line. Empty: its first extension." example:"Alice"`
	Region     string      `yaml:"region,omitempty" doc:"Country by which numbers without a country code are read (ISO 3166)." example:"US"`
	Extensions []Extension `yaml:"extensions" doc:"The user's extensions."`
	Trunks     []string    `yaml:"trunks,omitempty" doc:"Devices that lead outside. Empty: every device whose name is not all digits." example:"[]"`
}

// Extension is one extension of the line.
type Extension struct {
	Number string `yaml:"number" doc:"The extension." example:"\"1001\""`
	Device string `yaml:"device,omitempty" doc:"The device that rings for it. Empty: any whose name is the number." example:"PJSIP/1001"`
	Name   string `yaml:"name,omitempty" doc:"The user's name. Empty: what the PBX says." example:""`
}

// Dial is the number policy.
type Dial struct {
	Outside string   `yaml:"outside,omitempty" doc:"What is dialled before a number that leaves the house, such as 9 or 0. Empty: nothing." example:""`
	E164    bool     `yaml:"e164,omitempty" doc:"Dial +4512345678 as it is. Off: as from a phone of the region, such as 011 45 12345678." example:"false"`
	Allow   []string `yaml:"allow,omitempty" doc:"Prefixes of numbers to let out that are not otherwise: of other countries, premium-rate, feature codes with a number behind them. With a + they are held against the number with its country code." example:"[]"`
	Deny    []string `yaml:"deny,omitempty" doc:"Prefixes of numbers not to let out. The longer prefix decides between allow and deny." example:"[]"`
	Show    string   `yaml:"show,omitempty" doc:"The caller's number of a call made from here: extension, or number for the dialled one, which your own phone then shows; only where the dialplan puts your number in its place." example:"extension"`
}

// Listen is where the API is.
type Listen struct {
	Address string   `yaml:"address,omitempty" doc:"Loopback only, for now." example:"127.0.0.1:8747"`
	Hosts   []string `yaml:"hosts,omitempty" doc:"Names besides localhost by which a browser may call it." example:"[]"`
}

// Limits bound an app.
type Limits struct {
	WritesPerSecond int `yaml:"writes_per_second,omitempty" doc:"Writes a second; twice as many at once." example:"50"`
	StreamsAtOnce   int `yaml:"streams_at_once,omitempty" doc:"Streams that it may open at once; after that a third as many a minute." example:"30"`
}

// Board is whose word counts.
type Board struct {
	Authority map[string][]string `yaml:"authority,omitempty" doc:"Per field, sources in the order in which they are believed." example:"{}"`
	Order     []string            `yaml:"order,omitempty" doc:"Sources in the order in which they are believed where all else is equal." example:"[]"`
	KeepDays  int                 `yaml:"keep_lookups,omitempty" doc:"How many days a lookup waits for its number to call, 1 to 3650; then the call has a record of its own." example:"30"`
}

// Keep is how long things are kept. Days; 0: for ever.
type Keep struct {
	Calls   int `yaml:"calls,omitempty" doc:"Calls, with all that was said about them, counted from when the record was closed last." example:"0"`
	Lookups int `yaml:"lookups,omitempty" doc:"Lookups without a call; not less than board.keep_lookups." example:"0"`
	Items   int `yaml:"items,omitempty" doc:"Notes, documents, e-mails, links and other items; the call stays without them." example:"0"`
	Changes int `yaml:"changes,omitempty" doc:"The log of changes, from which apps resume. 0: at least a day and 100,000 changes." example:"0"`
}

// Days is so many days.
func Days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func (k Keep) check(board Board) error {
	for _, key := range []struct {
		name string
		days int
	}{{"calls", k.Calls}, {"lookups", k.Lookups}, {"items", k.Items}, {"changes", k.Changes}} {
		if key.days < 0 || key.days > 36500 {
			return fmt.Errorf("keep.%s: %d is not 0 to 36500 days", key.name, key.days)
		}
	}
	if k.Lookups > 0 && k.Lookups < board.KeepDays {
		return fmt.Errorf("keep.lookups: a lookup waits %d days for its number to call and cannot go after %d: write %d or more, or a smaller board.keep_lookups", board.KeepDays, k.Lookups, board.KeepDays)
	}
	return nil
}

// KeepLookups is how long a lookup waits for its number to call (B-20).
func (b Board) KeepLookups() time.Duration { return Days(b.KeepDays) }

// Webhooks are where apps may be reached.
type Webhooks struct {
	Allow    []string `yaml:"allow,omitempty" doc:"Networks that webhooks may be in besides the internet, and without TLS: of this computer 127.0.0.0/8 and ::1/128, of your house such as 192.168.1.0/24." example:"[]"`
	QueueMiB int      `yaml:"queue_mib,omitempty" doc:"How much may wait for one webhook, in MiB; some 4,000 deliveries each." example:"16"`
}

// Traces are where spans go.
type Traces struct {
	Endpoint string `yaml:"endpoint,omitempty" doc:"Address of the collector (OTLP over HTTP), such as http://127.0.0.1:4318; https on another machine. Empty: no traces." example:""`
}

func (t Traces) check() error {
	u, err := url.Parse(t.Endpoint)
	switch {
	case t.Endpoint == "":
		return nil
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("traces.endpoint is no address of a collector: write one like http://127.0.0.1:4318")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("traces.endpoint: %s is another machine, and traces tell when you have calls: use https, or a collector on this computer", u.Hostname())
	}
	return nil
}

// Networks are those of Allow. Parse has checked them.
func (w Webhooks) Networks() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range w.Allow {
		if p, err := network(text); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// network reads 192.168.1.0/24, or one address.
func network(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}

// Secret does not print.
type Secret string

func (Secret) String() string       { return "***" }
func (Secret) GoString() string     { return "***" }
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// Defaults are the values of what is left out.
func Defaults() Config {
	return Config{
		PBX:      PBX{Kind: "asterisk", CDR: CDR{Table: "cdr", Days: 7, Calls: 500}},
		Line:     Line{Region: "US"},
		Dial:     Dial{Show: "extension"},
		Listen:   Listen{Address: "127.0.0.1:8747"},
		Limits:   Limits{WritesPerSecond: 50, StreamsAtOnce: 30},
		Webhooks: Webhooks{QueueMiB: 16},
		Board:    Board{KeepDays: 30},
	}
}

// ErrNone says that there is no file: the first run.
var ErrNone = errors.New("there is no configuration")

// Load reads and checks a file. Its errors name the place, the reason and the remedy.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%w at %s", ErrNone, path)
	}
	if err != nil {
		return Config{}, fmt.Errorf("cannot read the configuration: %w", err)
	}
	c, err := Parse(text)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	for key, s := range map[string]struct {
		file string
		to   *Secret
	}{"pbx.secret_file": {c.PBX.SecretFile, &c.PBX.Secret}, "pbx.cdr.secret_file": {c.PBX.CDR.SecretFile, &c.PBX.CDR.Secret}} {
		if s.file == "" {
			continue
		}
		secret, err := os.ReadFile(s.file)
		if err != nil {
			return Config{}, fmt.Errorf("%s: %s cannot be read: %w", path, key, err)
		}
		*s.to = Secret(strings.TrimRight(string(secret), "\r\n"))
	}
	return c, nil
}

// Parse reads and checks the text of a file.
func Parse(text []byte) (Config, error) {
	c := Defaults()
	literal := yaml.CustomUnmarshaler(func(to *string, raw []byte) error { return scalar(to, raw) })
	secret := yaml.CustomUnmarshaler(func(to *Secret, raw []byte) error { return scalar((*string)(to), raw) })
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict(), literal, secret); err != nil {
		return c, fmt.Errorf("%s\n(`callboard config describe` prints every key that there is)", yaml.FormatError(err, false, true))
	}
	return c, c.check()
}

// scalar takes what is written: an extension 0100 or a secret 007 without quotes is that text, not a number.
func scalar(to *string, raw []byte) error {
	var value any
	if err := yaml.Unmarshal(raw, &value); err != nil {
		return err
	}
	switch value := value.(type) {
	case string:
		*to = value
	case nil:
		*to = ""
	case map[string]any, []any:
		return errors.New("a text is wanted here, not a list or a group")
	default:
		text, _, _ := strings.Cut(string(raw), " #")
		*to = strings.TrimSpace(text)
	}
	return nil
}

func (c *Config) check() error {
	switch {
	case c.PBX == PBX{}:
		return errors.New("the file is empty: `callboard config describe` prints one to fill in")
	case c.PBX.Kind != "asterisk":
		return fmt.Errorf("pbx.kind: %q is not known: use asterisk", c.PBX.Kind)
	case c.PBX.Address == "":
		return errors.New("pbx.address is missing: give the host and port of your Asterisk's manager, such as 192.0.2.10:5039")
	case c.PBX.Username == "":
		return errors.New("pbx.username is missing: give the account of manager.conf")
	case c.PBX.Secret == "" && c.PBX.SecretFile == "":
		return errors.New("pbx.secret is missing: give the secret of the account, or a secret_file")
	case c.PBX.Login != "" && c.PBX.Login != "plain" && c.PBX.Login != "md5":
		return fmt.Errorf("pbx.login: %q is not known: use plain or md5", c.PBX.Login)
	case len(c.Line.Extensions) == 0:
		return errors.New("line.extensions is missing: list at least one extension, such as - number: \"1001\"")
	}
	if c.Limits.WritesPerSecond < 1 || c.Limits.StreamsAtOnce < 1 {
		return fmt.Errorf("limits: writes_per_second %d, streams_at_once %d: write 1 or more", c.Limits.WritesPerSecond, c.Limits.StreamsAtOnce)
	}
	if c.Store != "" && !strings.HasPrefix(string(c.Store), "postgres://") && !strings.HasPrefix(string(c.Store), "postgresql://") {
		return errors.New("store is no address of a PostgreSQL database: write one like postgres://callboard@db.example.com/callboard, or leave it out for a file in the data folder")
	}
	if err := cmp.Or(c.checkDial(), c.PBX.CDR.check(c.PBX.AllowPlain), c.Webhooks.check(), c.Board.check(), c.Keep.check(c.Board), c.Traces.check()); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(c.PBX.Address)
	if n, portErr := strconv.Atoi(port); err == nil && (portErr != nil || n < 1 || n > 65535) {
		return fmt.Errorf("pbx.address: %q is no port: write a number, usually 5038, or 5039 with TLS", port)
	}
	if err != nil {
		return fmt.Errorf("pbx.address: %q has no port: write host:port, such as %s:5038", c.PBX.Address, c.PBX.Address)
	}
	if !c.PBX.TLS && !c.PBX.AllowPlain && !loopback(host) {
		return fmt.Errorf("pbx.address: %s is another machine and pbx.tls is off: set tls: true (port 5039, tlsenable = yes in manager.conf), or allow_plain: true if the way there is safe", host)
	}
	seen := map[string]bool{}
	for i, e := range c.Line.Extensions {
		if e.Number == "" {
			return fmt.Errorf("line.extensions: entry %d has no number", i+1)
		}
		if seen[e.Number] {
			return fmt.Errorf("line.extensions: %s is there twice: remove one", e.Number)
		}
		seen[e.Number] = true
	}
	if phonenumbers.GetCountryCodeForRegion(c.Line.Region) == 0 {
		return fmt.Errorf("line.region: %q is no country code: write two letters (ISO 3166) such as US or DK", c.Line.Region)
	}
	listen, _, err := net.SplitHostPort(c.Listen.Address)
	if err != nil {
		return fmt.Errorf("listen.address: %q has no port: write host:port, such as 127.0.0.1:8747", c.Listen.Address)
	}
	if !loopback(listen) {
		return fmt.Errorf("listen.address: %q is not an address of this computer only: use 127.0.0.1:8747", c.Listen.Address)
	}
	return nil
}

func (b Board) check() error {
	if b.KeepDays < 1 || b.KeepDays > 3650 {
		return fmt.Errorf("board.keep_lookups: %d is not 1 to 3650 days", b.KeepDays)
	}
	return nil
}

func (w Webhooks) check() error {
	for _, text := range w.Allow {
		if _, err := network(text); err != nil {
			return fmt.Errorf("webhooks.allow: %q is no network: write one like 192.168.1.0/24, or one address", text)
		}
	}
	if w.QueueMiB < 1 || w.QueueMiB > 1024 {
		return fmt.Errorf("webhooks.queue_mib: %d is not 1 to 1024", w.QueueMiB)
	}
	return nil
}

func (c *Config) checkDial() error {
	if strings.Trim(c.Dial.Outside, "0123456789*#") != "" {
		return fmt.Errorf("dial.outside: %q has other characters than digits, * and #", c.Dial.Outside)
	}
	if strings.Trim(c.PBX.RecordCode, "0123456789*#") != "" {
		return fmt.Errorf("pbx.record_code: %q has other characters than digits, * and #", c.PBX.RecordCode)
	}
	if strings.ContainsFunc(c.PBX.Context, func(r rune) bool { return r <= ' ' || r == 0x7f || r == ',' }) {
		return fmt.Errorf("pbx.context: %q is no name of a context", c.PBX.Context)
	}
	if c.Dial.Show != "" && c.Dial.Show != "extension" && c.Dial.Show != "number" {
		return fmt.Errorf("dial.show: %q is not known: use extension or number", c.Dial.Show)
	}
	for key, prefixes := range map[string][]string{"allow": c.Dial.Allow, "deny": c.Dial.Deny} {
		for _, prefix := range prefixes {
			if prefix == "" || strings.Trim(prefix, "0123456789+*#") != "" {
				return fmt.Errorf("dial.%s: %q is no prefix of a number: write digits, or + and a country code", key, prefix)
			}
		}
	}
	return nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// DefaultPath is where the file is looked for: callboard.yaml here, else in the user's configuration folder.
func DefaultPath() string {
	const name = "callboard.yaml"
	if _, err := os.Stat(name); err == nil {
		return name
	}
	return filepath.Join(DataFolder(""), name)
}

// DataFolder is the folder for the database and the token.
func DataFolder(configured string) string {
	if configured != "" {
		return configured
	}
	base, err := os.UserConfigDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "callboard")
}
