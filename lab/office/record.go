package office

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/callboard-dev/callboard/lab"
)

// Record plays a flow in a lab of its own and writes, into a folder, what a manager connection received (NAME.ami), when
// (NAME.times), what the phones sent and saw (NAME.log) and what a right tracker says of it (NAME.expect.yaml).
func Record(ctx context.Context, f Flow, folder string) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	l, err := lab.Start(ctx, Options())
	if err != nil {
		return err
	}
	defer func() { _ = l.Stop() }() // what it leaves behind is swept by the next lab
	o, err := Open(ctx, l, f.Desks)
	if err != nil {
		return err
	}
	defer o.Close()
	var r *Recorder
	truth, err := o.Play(ctx, f, func() (Ear, time.Time, error) {
		if r, err = Listen(ctx, l); err != nil {
			return nil, time.Time{}, err
		}
		return r, r.login, nil
	})
	if r != nil {
		defer r.Drop()
	}
	if err != nil {
		return fmt.Errorf("%w%s", err, l.LogTail(60))
	}
	if err := r.settle(ctx); err != nil {
		return fmt.Errorf("office: %s: %w", f.Name, err)
	}
	r.Drop()
	var text bytes.Buffer
	if err := truth.Write(&text, r.version()); err != nil {
		return err
	}
	for _, file := range []struct {
		ending string
		data   []byte
	}{
		{".ami", r.wire}, {".times", []byte(r.times.String())}, {".expect.yaml", text.Bytes()}, {".log", []byte(o.Log())},
	} {
		if err := os.WriteFile(filepath.Join(folder, f.Name+file.ending), file.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var version = regexp.MustCompile(`AsteriskVersion: ([0-9.]+)`)

func (r *Recorder) version() string {
	if m := version.FindSubmatch(r.wire); m != nil {
		return "Asterisk " + string(m[1])
	}
	return "Asterisk"
}
