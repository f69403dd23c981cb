package ami

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

// desk is a manager that gives the answers it was told to give, to any account.
type desk struct {
	listener net.Listener
	answers  map[string]string // by action: what follows the Response and the ActionID, or a whole "Error: why"
	greeting string            // after the login
	once     bool              // lets in one at a time
	received atomic.Int64      // bytes
	inside   atomic.Int64
	serving  sync.WaitGroup
}

func openDesk(t *testing.T, d *desk, secure *tls.Config) Config {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	d.listener = l
	d.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.serving.Go(func() {
				defer conn.Close()
				d.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		d.serving.Wait()
	})
	return Config{Address: l.Addr().String(), Username: "alice", Secret: "a-long-secret", Login: LoginPlain}
}

func (d *desk) serve(conn net.Conn) {
	io.WriteString(conn, "Asterisk Call Manager/11.0.0\r\n")
	action, id, entered := "", "", false
	defer func() {
		if entered {
			d.inside.Add(-1)
		}
	}()
	for scan := bufio.NewScanner(conn); scan.Scan(); {
		d.received.Add(int64(len(scan.Bytes())))
		key, value, _ := strings.Cut(scan.Text(), ": ")
		switch {
		case key == "Action":
			action = value
		case key == "ActionID":
			id = value
		case key == "Variable" || key == "Filename" || key == "Category":
			action += " " + value
		case key == "":
			answer, known := d.answers[action]
			if action == "Login" {
				refused := d.once && !d.inside.CompareAndSwap(0, 1)
				if refused {
					answer, known = "Error: Login Already In Use", true
				} else if !d.once {
					d.inside.Add(1)
				}
				entered = !refused
			}
			why, failed := strings.CutPrefix(answer, "Error: ")
			switch {
			case failed:
				fmt.Fprintf(conn, "Response: Error\r\nActionID: %s\r\nMessage: %s\r\n\r\n", id, why)
			case known || action == "Login" || action == "Logoff":
				fmt.Fprintf(conn, "Response: Success\r\nActionID: %s\r\n%s\r\n", id, answer)
			default:
				fmt.Fprintf(conn, "Response: Error\r\nActionID: %s\r\nMessage: Invalid/unknown command\r\n\r\n", id)
			}
			if action == "Login" && !failed {
				io.WriteString(conn, d.greeting)
			}
			if action == "Logoff" || action == "Login" && failed {
				return
			}
			action, id = "", ""
		}
	}
}

// examined runs an examination and returns its checks by name.
func examined(t *testing.T, c Config, what Examination) map[string]Check {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	found := map[string]Check{}
	Examine(ctx, c, what, func(check Check) {
		if check.Name == "" || check.Found == "" || (check.Paste == "") != (check.File == "") || check.Status == Problem && check.Remedy == "" {
			t.Errorf("half a check: %+v", check)
		}
		if c.Secret != "" && strings.Contains(fmt.Sprint(check), c.Secret) {
			t.Errorf("it tells the secret: %+v", check)
		}
		if _, twice := found[check.Name]; !twice {
			found[check.Name] = check
		}
	})
	return found
}

// expect compares one check: its verdict, and words of what it says.
func expect(t *testing.T, found map[string]Check, name string, want Verdict, words ...string) {
	t.Helper()
	check, there := found[name]
	if !there || check.Status != want {
		t.Errorf("%s: %+v, want %s", name, check, want)
	}
	for _, each := range words {
		if !strings.Contains(fmt.Sprint(check.Found, "\n", check.Remedy, "\n", check.File, "\n", check.Paste), each) {
			t.Errorf("%s does not say %q: %+v", name, each, check)
		}
	}
}

const list = "Status: List.  (Priv: system,call,reporting,all)\r\nGetvar: Get.  (Priv: call,reporting,all)\r\nRedirect: Move.  (Priv: call,all)\r\n"

func TestExamineSaysWhatItSees(t *testing.T) {
	t.Parallel()
	pong := func(offset time.Duration) string {
		at := time.Now().Add(offset)
		return fmt.Sprintf("Ping: Pong\r\nTimestamp: %d.%06d\r\n", at.Unix(), at.Nanosecond()/1000)
	}
	booted := "Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 7\r\n\r\n"
	c := openDesk(t, &desk{greeting: booted, once: true, answers: map[string]string{
		"Ping": pong(-time.Hour), "ListCommands": list, "CoreSettings": "AsteriskVersion: 18.9.0\r\n",
		"Getvar DEVICE_STATE(PJSIP/1001)": "Value: NOT_INUSE\r\n", "Getvar DEVICE_STATE(PJSIP/1002)": "Value: INVALID\r\n",
		"Getvar DEVICE_STATE(SIP/1002)": "Value: UNAVAILABLE\r\n", "Getvar DEVICE_STATE(PJSIP/1003)": "Value: INVALID\r\n",
	}}, nil)
	found := examined(t, c, Examination{TestCall: true, Devices: []Device{{"1001", ""}, {"1002", ""}, {"1003", "PJSIP/1003"}, {"1004", "PJSIP/x,y)"}}})
	expect(t, found, "reach", Fine)
	expect(t, found, "TLS", Fine, "none is needed")
	expect(t, found, "login", Fine, "alice")
	expect(t, found, "round trip", Fine)
	expect(t, found, "clock", Warning, "1h0m", "behind", "timedatectl")
	expect(t, found, "version", Warning, "18.9.0", "no security fixes")
	expect(t, found, "known hole", Problem, "CVE-2024-42365", "18.24.2")
	expect(t, found, "rights", Fine, "write = call")
	expect(t, found, "right originate", Warning, "[alice]\nwrite = call,reporting,originate")
	expect(t, found, "restarts", Fine)
	expect(t, found, "settings", Skipped, "timestampevents = yes", "[alice]\nwritetimeout = 5000")
	expect(t, found, "extension 1001", Fine, "not_inuse")
	expect(t, found, "extension 1002", Warning, "SIP/1002")
	expect(t, found, "extension 1003", Problem, "no device PJSIP/1003")
	expect(t, found, "extension 1004", Skipped)
	expect(t, found, "second login", Warning, "allowmultiplelogin = yes")
	expect(t, found, "test call", Skipped, "may not place calls")
}

func TestExamineReadsSettings(t *testing.T) {
	t.Parallel()
	c := openDesk(t, &desk{answers: map[string]string{
		"Ping": "Ping: Pong\r\n", "ListCommands": list + "GetConfig: Read.  (Priv: system,config,all)\r\nUpdateConfig: Write.  (Priv: config,all)\r\n",
		"GetConfig manager.conf general":               "Category-000000: general\r\nLine-000000-000000: disabledevents=VarSet, DialBegin\r\nLine-000000-000001: channelvars=A,CHANNEL(pjsip,secure)\r\nLine-000000-000002: timestampevents=no\r\n",
		"GetConfig manager.conf alice":                 "Category-000000: alice\r\nLine-000000-000000: secret=a-long-secret\r\nLine-000000-000001: eventfilter=!Event: Hold\r\nLine-000000-000002: writetimeout=50\r\n",
		"GetConfig stasis.conf declined_message_types": "Category-000000: declined_message_types\r\nLine-000000-000000: decline=>ast_blind_transfer_type\r\nLine-000000-000001: decline=ast_channel_snapshot_type\r\n",
	}}, nil)
	found := examined(t, c, Examination{})
	expect(t, found, "settings", Warning, "timestampevents = yes", "writetimeout is 50 ms", "displayconnects = no", "CHANNEL(pjsip,secure)")
	expect(t, found, "filters", Warning, "!Event: Hold")
	expect(t, found, "message DialBegin", Problem, "disabledevents = VarSet")
	expect(t, found, "message type ast_blind_transfer_type", Warning, "BlindTransfer", ";decline = ast_blind_transfer_type")
	expect(t, found, "message type ast_channel_snapshot_type", Problem, "Newchannel", "Newstate", "Hangup")
	expect(t, found, "right config", Warning, "write = call,reporting,originate")
	expect(t, found, "clock", Skipped)
	expect(t, found, "version", Skipped)
	expect(t, found, "restarts", Warning, "read = call,system,agent")
	expect(t, found, "second login", Fine)
	expect(t, found, "test call", Skipped, "--test-call")
}

// TestExamineEndsEarly: where nothing more can be seen the reason is said, and to who is not trusted nothing is sent.
func TestExamineEndsEarly(t *testing.T) {
	t.Parallel()
	certificate, authorities := certificates(t, "pbx.example")
	secure := &tls.Config{Certificates: []tls.Certificate{certificate}}
	for name, c := range map[string]struct {
		desk   *desk
		tls    *tls.Config
		change func(*Config)
		check  string
		words  []string
		most   int64 // bytes that may be sent
	}{
		"stranger":  {&desk{}, secure, func(c *Config) { c.TLS = &tls.Config{ServerName: "pbx.example"} }, "TLS", []string{"pbx.tls_ca", "BEGIN CERTIFICATE", "pbx.example", ":"}, 0},
		"name":      {&desk{}, secure, func(c *Config) { c.TLS = &tls.Config{RootCAs: authorities, ServerName: "other.example"} }, "TLS", []string{"tls_name: pbx.example"}, 0},
		"plain":     {&desk{}, nil, func(c *Config) { c.TLS = &tls.Config{ServerName: "pbx.example"} }, "TLS", []string{"does not speak TLS"}, 4000},
		"password":  {&desk{answers: map[string]string{"Login": "Error: Authentication failed"}}, nil, nil, "login", []string{"Authentication failed", "pbx.secret"}, 1000},
		"in use":    {&desk{answers: map[string]string{"Login": "Error: Login Already In Use"}}, nil, nil, "login", []string{"allowmultiplelogin = yes", "already in"}, 1000},
		"not there": {&desk{}, nil, func(c *Config) { c.Address = "127.0.0.1:1" }, "reach", []string{"connection refused"}, 0},
		"no name":   {&desk{}, nil, func(c *Config) { c.Address = "pbx.invalid:5038" }, "reach", []string{"pbx.address"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := openDesk(t, c.desk, c.tls)
			if c.change != nil {
				c.change(&config)
			}
			found := examined(t, config, Examination{})
			expect(t, found, c.check, Problem, c.words...)
			if _, on := found["rights"]; on {
				t.Error("it went on")
			}
			if n := c.desk.received.Load(); n > c.most {
				t.Errorf("%d bytes were sent to it", n)
			}
		})
	}
	config := openDesk(t, &desk{answers: map[string]string{"Ping": "Ping: Pong\r\n"}}, secure)
	config.TLS = &tls.Config{RootCAs: authorities, ServerName: "pbx.example"}
	found := examined(t, config, Examination{})
	expect(t, found, "TLS", Warning, "TLS 1.3", "renew") // the test's certificate is good for an hour
	expect(t, found, "rights", Skipped)
}

func TestExamineDemoPBX(t *testing.T) {
	t.Parallel()
	pbx := startPBX(t, func(o *demopbx.Options) {
		o.Speed = 1
		o.Accounts = map[string]demopbx.Account{"callboard": {Secret: secret, Read: "system,call", Write: "call,reporting"}}
	})
	found := examined(t, settings(pbx), Examination{TestCall: true})
	expect(t, found, "version", Fine, "22.10.1")
	expect(t, found, "clock", Fine)
	expect(t, found, "restarts", Fine)
	for name, check := range found {
		if check.Status == Problem {
			t.Errorf("%s: %+v", name, check)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "version skipped",
		"GIT-master-1234":             "version skipped",
		"13.38.3":                     "version problem, known hole problem, known hole warning",
		"16.30.0":                     "version warning, known hole problem, known hole warning",
		"18.26.2":                     "version warning",
		"18.24.2":                     "version warning, known hole warning",
		"20.9.1":                      "version ok, known hole problem, known hole warning",
		"20.9.2":                      "version ok, known hole warning",
		"20.21.0":                     "version ok",
		"22.10.0":                     "version ok, known hole warning",
		"22.10.1+dfsg+~cs6.17.606714": "version ok",
		"22.10.1":                     "version ok",
		"23.4.0":                      "version ok, known hole warning",
		"25.0.0":                      "version ok",
		"certified/20.7-cert5":        "version ok",
	} {
		var got []string
		for _, check := range versionChecks(text) {
			got = append(got, check.Name+" "+string(check.Status))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]Verdict{"127.0.0.1": Fine, "localhost": Fine, "::1": Fine, "192.0.2.7": Warning, "pbx.example": Warning, "::ffff:127.0.0.1": Fine} {
		e := &examiner{link: New(Config{})}
		if check := e.plain(host); check.Status != want || want == Warning && !strings.Contains(check.Paste, "tlsenable = yes") {
			t.Errorf("%s: %+v", host, check)
		}
	}
}
