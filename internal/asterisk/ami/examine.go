package ami

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// Verdict is how a check came out.
type Verdict string

const (
	Fine    Verdict = "ok"
	Warning Verdict = "warning" // it works, but somebody should know
	Problem Verdict = "problem" // something will not work
	Skipped Verdict = "skipped" // it was not looked at: Found says why
)

// Check is one thing that was looked at. It never holds a secret.
type Check struct {
	Name   string  `json:"name"`
	Status Verdict `json:"status"`
	Found  string  `json:"found"`
	Remedy string  `json:"remedy,omitempty"` // one sentence
	File   string  `json:"file,omitempty"`   // where Paste belongs
	Paste  string  `json:"paste,omitempty"`  // ready to be pasted; of the same file no two undo each other, but for the optional
	// Optional is set where Paste is only for who wants it, and then goes in place of the same line of the others.
	Optional bool `json:"optional,omitempty"`
}

// Examination says what to look at.
type Examination struct {
	Devices  []Device
	TestCall bool   // allowed to place a call within the PBX
	Answers  string // number@context that answers by itself; empty: the PBX's own, see selfCall
}

// Device is an extension and the device that rings for it; without a device any of that name.
type Device struct{ Extension, Device string }

// Examine looks at a PBX as an account sees it, and tells each check when it is done, from the caller's goroutine. It
// changes nothing there. It ends early where nothing more can be seen. It holds one connection, and for a moment a second.
func Examine(ctx context.Context, c Config, what Examination, tell func(Check)) {
	e := &examiner{link: New(c), what: what, tell: tell}
	e.link.config.Logger = slog.New(slog.DiscardHandler)
	v, err := e.enter(ctx)
	if err != nil {
		return
	}
	defer v.leave()
	for _, look := range []func(context.Context, *visit) error{
		e.pace, e.version, e.rights, e.restarts, e.settings, e.devices, e.secondLogin, e.calls,
	} {
		if err := look(ctx, v); err != nil {
			if ctx.Err() == nil {
				e.tell(failed("link", e.link.explain(ctx, err)))
			}
			return
		}
	}
}

type examiner struct {
	link *Connector
	what Examination
	tell func(Check)
}

// failed is an error of the link as a problem.
func failed(name string, err error) Check {
	check := Check{Name: name, Status: Problem, Found: err.Error()}
	if f, ok := errors.AsType[*connector.Failure](err); ok {
		check.Found, check.Remedy = f.Problem, f.Remedy
	}
	return check
}

// enter connects and logs in: reach, TLS, login. It is one connection, so that the PBX logs no half ones. After an error it
// has told why. Where a certificate is not trusted nothing is sent to the other side.
func (e *examiner) enter(ctx context.Context) (*visit, error) {
	began := time.Now()
	conn, err := e.link.dial(ctx)
	reached := Check{Name: "reach", Status: Fine, Found: e.link.config.Address + " takes connections"}
	if err != nil && !aboutTLS(err) {
		e.tell(failed("reach", err))
		return nil, err
	}
	if err != nil {
		e.tell(reached)
		e.tell(untrusted(err))
		return nil, err
	}
	reached.Found += " (" + milliseconds(time.Since(began)) + ")"
	e.tell(reached)
	e.tell(e.transport(conn))
	v, err := e.visit(ctx, conn)
	if err != nil {
		check := failed("login", err)
		if strings.Contains(check.Found, "Already In Use") {
			check.Remedy, check.File, check.Paste = "the account is already in, and may be only once: end Callboard meanwhile, or allow more than one", "manager.conf", e.section("allowmultiplelogin = yes")
		}
		e.tell(check)
		return nil, err
	}
	how := "with an MD5 challenge"
	if e.link.config.Login == LoginPlain || e.link.config.Login == LoginAuto && e.link.config.TLS != nil {
		how = "with its secret"
	}
	e.tell(Check{Name: "login", Status: Fine, Found: fmt.Sprintf("%s is in, %s; manager %s", e.link.config.Username, how, telephony.Display(v.banner))})
	return v, nil
}

// pace looks at the way there and back, and at the clock. The manager puts its time into the answer to Ping.
func (e *examiner) pace(_ context.Context, v *visit) error {
	var trips []time.Duration
	offset, best, told := time.Duration(0), time.Duration(math.MaxInt64), false
	for range 5 {
		sent := time.Now()
		pong, err := v.ask("Ping")
		if err != nil {
			return err
		}
		trip := time.Since(sent)
		trips = append(trips, trip)
		if at := stamp(pong); !at.IsZero() && trip < best { // the quickest says it most exactly
			best, told = trip, true
			offset = at.Sub(sent.Add(trip / 2))
		}
	}
	slices.Sort(trips)
	check := Check{Name: "round trip", Status: Fine, Found: fmt.Sprintf("%s there and back, %s at worst", milliseconds(trips[len(trips)/2]), milliseconds(trips[len(trips)-1]))}
	if trips[len(trips)/2] > 250*time.Millisecond {
		check.Status, check.Remedy = Warning, "calls show that much later: run Callboard nearer to the PBX, or look at the network between"
	}
	e.tell(check)
	e.tell(clock(offset, told))
	return nil
}

func clock(offset time.Duration, told bool) Check {
	check := Check{Name: "clock", Status: Fine}
	late := "ahead of"
	if offset < 0 {
		late = "behind"
	}
	switch {
	case !told:
		check.Status, check.Found = Skipped, "the PBX does not tell its time"
	case offset.Abs() < 2*time.Second:
		check.Found = fmt.Sprintf("the PBX's clock agrees with this computer's (%s)", milliseconds(offset.Abs()))
	default:
		check.Status = Warning
		check.Found = fmt.Sprintf("the PBX's clock is %v %s this computer's: times in Callboard and in the PBX's own lists differ", offset.Abs().Round(100*time.Millisecond), late)
		check.Remedy, check.File, check.Paste = "let both follow a time server", "a shell, on the one that is wrong", "timedatectl set-ntp true"
	}
	return check
}

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
}

// rights looks at what the account may do and should not be allowed to.
func (e *examiner) rights(_ context.Context, v *visit) error {
	answer, err := v.ask("ListCommands")
	if err != nil {
		return err
	}
	v.rights = parseRights(answer)
	if !v.rights.Known() {
		e.tell(Check{Name: "rights", Status: Skipped, Found: "the PBX does not say what the account may do: " + telephony.Display(answer.Text("Message"))})
		return nil
	}
	written := strings.Join(v.rights.Classes(), ",")
	if written == "" {
		written = "(nothing)"
	}
	e.tell(Check{Name: "rights", Status: Fine, Found: "write = " + written})
	for _, lacks := range byRemedy(v.rights.Missing()) {
		e.tell(e.lacking(v.rights, lacks))
	}
	for _, class := range v.rights.TooMany() {
		e.tell(e.excess(v.rights, class))
	}
	return nil
}

// byRemedy puts together what the same class or module cures.
func byRemedy(lacks []Lack) [][]Lack {
	var groups [][]Lack
	for _, l := range lacks {
		at := slices.IndexFunc(groups, func(g []Lack) bool { return g[0].Class == l.Class && g[0].Module == l.Module })
		if at < 0 {
			groups, at = append(groups, nil), len(groups)
		}
		groups[at] = append(groups[at], l)
	}
	return groups
}

func (e *examiner) lacking(r Rights, lacks []Lack) Check {
	first := lacks[0]
	check := Check{Name: "right " + first.Class, Status: Warning, File: first.File, Paste: first.Line, Remedy: "give the account the class " + first.Class}
	if first.File == "manager.conf" {
		check.Paste = e.section(first.Line)
		if first.Careful == "" {
			check.Paste = e.section("write = " + strings.Join(r.recommended(), ","))
		}
	}
	var costs, actions []string
	for _, l := range lacks {
		costs, actions = append(costs, l.Costs), append(actions, l.Action)
	}
	check.Found = fmt.Sprintf("without %s: %s", strings.Join(actions, ", "), strings.Join(costs, "; "))
	switch {
	case first.Action == "Status":
		check.Status = Problem
	case first.Module != "":
		check.Name, check.Remedy = "module "+first.Module, "load the module "+first.Module+" in the PBX"
	case first.Careful != "":
		check.Status = Fine
		check.Found = "left out, as is wise: " + first.Careful + ". What that costs, " + check.Found
		check.Remedy, check.Optional = "only if you want that", true
	}
	return check
}

func (e *examiner) excess(r Rights, class string) Check {
	check := Check{
		Name: "right " + class, Status: Warning, Found: "the account has more than it needs: " + Why(class),
		Remedy: "leave it out", File: "manager.conf", Paste: e.section("write = " + strings.Join(r.recommended(), ",")),
	}
	if class == "system" {
		check.Remedy += ", or keep it for those: write = " + strings.Join(r.with(class), ",")
	}
	return check
}

// section is lines under the account's name, as manager.conf wants them.
func (e *examiner) section(lines ...string) string {
	return "[" + telephony.Display(e.link.config.Username) + "]\n" + strings.Join(lines, "\n")
}

// restarts looks whether the PBX tells when it was started: FullyBooted comes with the login, to who may read system.
func (e *examiner) restarts(_ context.Context, v *visit) error {
	if v.heard["FullyBooted"] > 0 {
		e.tell(Check{Name: "restarts", Status: Fine, Found: "the PBX says how long it has been up"})
		return nil
	}
	e.tell(Check{
		Name: "restarts", Status: Warning, Found: "the account does not hear when the PBX was started: a restart reads as a gap, and calls that it cut are shown until the next look",
		Remedy: "let it read system, too", File: "manager.conf", Paste: e.section(EnoughRead),
	})
	return nil
}

// secondLogin looks whether the account may be logged in twice: a PBX that has not noticed the end of the last connection
// else keeps us out.
func (e *examiner) secondLogin(ctx context.Context, _ *visit) error {
	conn, err := e.link.dial(ctx)
	if err != nil {
		return err
	}
	second, err := e.visit(ctx, conn)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.tell(Check{
			Name: "second login", Status: Warning,
			Found:  "the account is let in only once at a time: after a broken connection the PBX may keep Callboard out until it has noticed",
			Remedy: "allow more than one", File: "manager.conf", Paste: e.section("allowmultiplelogin = yes"),
		})
		return nil
	}
	second.leave()
	e.tell(Check{Name: "second login", Status: Fine, Found: "the account may be logged in more than once: a broken connection does not keep it out"})
	return nil
}
