package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/callboard-dev/callboard/api"
	"github.com/callboard-dev/callboard/client"
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

type appCommand struct {
	Which  which            `embed:""`
	Add    addAppCommand    `cmd:"" help:"Let an app in and print its token, once."`
	List   listAppsCommand  `cmd:"" help:"List the apps." default:"1"`
	Remove removeAppCommand `cmd:"" help:"Take an app's token away."`
}

type addAppCommand struct {
	ID    string              `arg:"" help:"Short and stable, such as acme-crm: it names the source of what the app says."`
	Name  string              `help:"What to call it."`
	May   []client.Permission `help:"What it may do besides: dial (make calls), control (command calls that there are)." placeholder:"dial,control"`
	Needs []string            `help:"Fields that it says it works from, to be warned of loops." placeholder:"party.number"`
	Gives []string            `help:"Fields that it says it gives, to be warned of loops." placeholder:"party.company"`
	Renew bool                `help:"Give an app that is there already a new token; the old one stops working."`
}

func (c *addAppCommand) Run(ctx context.Context, of *appCommand) error {
	board, url, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	made, err := board.LetIn(ctx, api.NewApp{ID: c.ID, Name: c.Name, May: c.May, Needs: c.Needs, Gives: c.Gives, Renew: c.Renew})
	if err != nil {
		return err
	}
	for _, ring := range made.Cycles {
		fmt.Fprintf(os.Stderr, "These apps may set each other off: %s. Callboard ends every loop; see whether this one is meant.\n", ringText(ring))
	}
	fmt.Fprintln(os.Stderr, "Give these to the app. The token is not shown again.")
	fmt.Printf("export CALLBOARD_URL=%s\nexport CALLBOARD_TOKEN=%s\n", url, made.Token)
	return nil
}

// ringText reads crm → party.company → mail → party.email → crm.
func ringText(ring api.Cycle) string {
	var parts []string
	for i, app := range ring.Apps {
		parts = append(parts, app, ring.Fields[i])
	}
	return strings.Join(append(parts, ring.Apps[0]), " → ")
}

type listAppsCommand struct{}

func (listAppsCommand) Run(ctx context.Context, of *appCommand) error {
	board, _, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	apps, err := board.Apps(ctx)
	if err != nil {
		return err
	}
	for _, a := range apps {
		state := "away"
		if a.Connected {
			state = "working"
		}
		may := ""
		for _, m := range a.May {
			may += " " + string(m)
		}
		if may != "" {
			may = " (may" + may + ")"
		}
		fmt.Printf("%-20s %-8s %s%s\n", a.ID, state, a.Name, may)
	}
	return nil
}

type removeAppCommand struct {
	ID string `arg:""`
}

func (c *removeAppCommand) Run(ctx context.Context, of *appCommand) error {
	board, _, err := of.Which.connect(ctx)
	if err != nil {
		return err
	}
	defer board.Close()
	return board.RemoveApp(ctx, c.ID)
}
