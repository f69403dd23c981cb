package app

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/callboard-dev/callboard/internal/config"
)

// Running is a Callboard of this user that runs now. It holds no secret: the token is in a file that only the user can
// read (SEC-12).
type Running struct {
	PID       int       `json:"pid"`
	URL       string    `json:"url"`
	TokenFile string    `json:"token_file"`
	StartedAt time.Time `json:"started_at"`
}

func runningFolder() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "callboard", "running"), nil
}

// announce leaves a note for `callboard open`; the function takes it away.
func announce(url string, c config.Config) (func(), error) {
	nothing := func() {}
	folder, err := runningFolder()
	if err != nil {
		return nothing, err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nothing, err
	}
	data, err := filepath.Abs(config.DataFolder(c.Data))
	if err != nil {
		return nothing, err
	}
	note, err := json.Marshal(Running{PID: os.Getpid(), URL: url, TokenFile: filepath.Join(data, "user.token"), StartedAt: time.Now().UTC()})
	if err != nil {
		return nothing, err
	}
	file, err := os.CreateTemp(folder, strconv.Itoa(os.Getpid())+"-*.json")
	if err != nil {
		return nothing, err
	}
	_, err = file.Write(note)
	return func() { os.Remove(file.Name()) }, errors.Join(err, file.Close())
}

// Find returns the Callboards of this user that run now, the newest first. Notes of those that died are taken away.
func Find() ([]Running, error) {
	folder, err := runningFolder()
	if err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var found []Running
	for _, name := range names {
		var r Running
		text, err := os.ReadFile(name)
		if err != nil || json.Unmarshal(text, &r) != nil {
			continue
		}
		if !alive(r.PID) {
			os.Remove(name)
			continue
		}
		found = append(found, r)
	}
	slices.SortFunc(found, func(a, b Running) int { return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(b.PID, a.PID)) })
	if len(found) == 0 {
		return nil, fmt.Errorf("no Callboard of yours is running: start one with `callboard run` or `callboard demo`")
	}
	return found, nil
}

func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
