package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

type openCommand struct {
	Which  which `embed:""`
	NoOpen bool  `help:"Print the address only."`
}

func (c *openCommand) Run(ctx context.Context) error {
	board, _, err := c.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	code, err := board.CreateCode(ctx)
	if err != nil {
		return err
	}
	fmt.Println(code.URL)
	if !c.NoOpen {
		browse(code.URL)
	}
	return nil
}

// browse opens the person's browser if there is one; it is no error if there is none, for the address is printed too.
func browse(url string) {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return
	}
	opener := exec.Command(name, args...)
	if opener.Start() == nil {
		go opener.Wait()
	}
}
