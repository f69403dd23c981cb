package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/callboard-dev/callboard/internal/app"
	"github.com/callboard-dev/callboard/internal/asterisk/ami"
	"github.com/callboard-dev/callboard/internal/asterisk/cdr"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/telephony"
)

type doctorCommand struct {
	configured `embed:""`

	TestCall bool   `help:"Allow a call within the PBX, to see whether all is told of it. No phone rings, no line is used."`
	Answers  string `placeholder:"NUMBER@CONTEXT" help:"For --test-call, an extension that answers by itself, such as an echo test. Default: one that most Asterisks have."`
	JSON     bool   `help:"Print one JSON object."`
}

// errUnwell is what the command ends with when there is a problem: what it is was said.
var errUnwell = errors.New("there is a problem with the PBX: see above what to change")

func (c *doctorCommand) Run(ctx context.Context) error {
	path, settings, err := c.load()
	if err != nil {
		return err
	}
	link, err := app.Asterisk(settings.PBX, nil)
	if err != nil {
		return err
	}
	report := &checkup{out: os.Stdout, json: c.JSON, Checks: []ami.Check{}}
	report.say(readable(path, settings.PBX))
	what := ami.Examination{TestCall: c.TestCall || c.Answers != "", Answers: c.Answers}
	for _, e := range settings.Line.Extensions {
		what.Devices = append(what.Devices, ami.Device{Extension: e.Number, Device: e.Device})
	}
	ami.Examine(ctx, link, what, report.say)
	report.say(pastCalls(ctx, settings))
	if err := ctx.Err(); err != nil {
		return errors.New("stopped before all was looked at")
	}
	return report.end()
}

// readable looks whether others on this computer can read the secret.
func readable(path string, pbx config.PBX) ami.Check {
	if pbx.SecretFile != "" {
		path = pbx.SecretFile
	}
	check := ami.Check{Name: "configuration", Status: ami.Fine, Found: path + " is complete"}
	info, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		check.Status, check.Found = ami.Warning, path+" holds the secret, and others on this computer can read it"
		check.Remedy, check.File, check.Paste = "keep it to yourself", "a shell", "chmod 600 '"+path+"'"
	}
	return check
}

// pastCalls looks whether the PBX's own records of calls can be read back.
func pastCalls(ctx context.Context, settings config.Config) ami.Check {
	check := ami.Check{Name: "calls while off", Status: ami.Skipped, Found: "calls that are made while Callboard is off will be missing from its log", Remedy: "name the PBX's own records as pbx.cdr.source"}
	records, err := app.Records(settings, nil)
	if err == nil && records == nil {
		return check
	}
	var f cdr.Finding
	if err == nil {
		f, err = records.Look(ctx)
	}
	check.Status, check.Remedy = ami.Warning, ""
	switch {
	case err != nil:
		check.Status, check.Found = ami.Problem, err.Error()
		if told, ok := errors.AsType[*telephony.Error](err); ok {
			check.Found, check.Remedy = told.Message, told.Remedy
		}
	case f.Rows == 0 && f.Bad > 0:
		check.Status, check.Found, check.Remedy = ami.Problem, fmt.Sprintf("none of the %d newest records of calls in %s makes sense", f.Bad, records.Name()), "name a Master.csv that cdr_csv writes, or a table with its columns"
	case f.Rows == 0:
		check.Found, check.Remedy = "there is no record of a call of the last week in "+records.Name(), "see that it is the one that the PBX writes: cdr show status names its backends"
	case f.Off != 0:
		check.Found, check.Remedy = fmt.Sprintf("the times in %s are wrong by %s", records.Name(), f.Off), "set pbx.cdr.zone to the zone in which the PBX writes them; UTC with usegmtime=yes"
	case !f.Ids:
		check.Found = fmt.Sprintf("%s can be read, but has no unique ids: whether a call was seen is told by number and time alone", records.Name())
		check.Remedy, check.File, check.Paste = "have the PBX write them", "cdr.conf", "[csv]\nloguniqueid = yes\nnewcdrcolumns = yes"
	default:
		check.Status, check.Found = ami.Fine, fmt.Sprintf("%s can be read; the newest call ended %s", records.Name(), f.Newest.Format(time.DateTime))
	}
	return check
}

// checkup tells a person each check as it is done, or a program all of them at the end.
type checkup struct {
	out    io.Writer
	json   bool
	OK     bool        `json:"ok"`
	Checks []ami.Check `json:"checks"`
}

const managerConf = "manager.conf"

var marks = map[ami.Verdict]string{ami.Fine: "ok", ami.Warning: "WARNING", ami.Problem: "PROBLEM", ami.Skipped: "skipped"}

func (r *checkup) say(c ami.Check) {
	r.Checks = append(r.Checks, c)
	if r.json {
		return
	}
	const indent = "         "
	fmt.Fprintf(r.out, "%-8s %s: %s\n", marks[c.Status], c.Name, c.Found)
	if c.Remedy != "" {
		fmt.Fprintf(r.out, "%s-> %s\n", indent, c.Remedy)
	}
	switch {
	case c.File == managerConf && c.Optional:
		fmt.Fprintf(r.out, "%s   the line for it is below\n", indent)
	case c.File == managerConf:
		fmt.Fprintf(r.out, "%s   the lines for %s are below\n", indent, c.File)
	case c.Paste != "":
		fmt.Fprintf(r.out, "%s   in %s:\n", indent, c.File)
		r.quote(indent+"   | ", c.Paste)
	}
}

func (r *checkup) quote(margin, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintln(r.out, strings.TrimRight(margin+line, " "))
	}
}

// prescribe prints what belongs into manager.conf as one block, each line once, and after it what is only for who wants it.
func (r *checkup) prescribe() {
	var wanted, optional prescription
	for _, c := range r.Checks {
		if c.File == managerConf && c.Optional {
			optional.add(c.Paste)
		} else if c.File == managerConf {
			wanted.add(c.Paste)
		}
	}
	if len(wanted) > 0 {
		fmt.Fprintf(r.out, "\nAll for %s, in place of the same lines there; then reload the manager (asterisk -rx 'manager reload'):\n", managerConf)
		r.quote("   | ", wanted.String())
	}
	if len(optional) > 0 {
		fmt.Fprintf(r.out, "\nOptional, only if you want what \"left out, as is wise\" above costs; in place of the same line:\n")
		r.quote("   | ", optional.String())
	}
}

func (r *checkup) end() error {
	count := map[ami.Verdict]int{}
	for _, c := range r.Checks {
		count[c.Status]++
	}
	r.OK = count[ami.Problem] == 0
	if r.json {
		encoder := json.NewEncoder(r.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			return err
		}
	} else {
		r.prescribe()
		fmt.Fprintf(r.out, "\n%d ok, %d warnings, %d problems, %d skipped\n", count[ami.Fine], count[ami.Warning], count[ami.Problem], count[ami.Skipped])
	}
	if !r.OK {
		return errUnwell
	}
	return nil
}
