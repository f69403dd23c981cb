package demopbx_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/callboard-dev/callboard/internal/demopbx"
)

// A test of a connector starts a PBX, connects to Addr, plays a scenario and compares with its expectations.
func Example() {
	pbx, err := demopbx.New(demopbx.Options{
		Accounts: map[string]demopbx.Account{"callboard": {Secret: "s3cret", Read: "system,call", Write: "reporting,call"}},
		Speed:    50,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pbx.Close()
	// Here the connector connects to pbx.Addr(), and the test awaits it with pbx.WaitSessions(ctx, 1).

	f, err := os.Open(filepath.Join("..", "..", "testdata", "scenarios", "inbound-busy.txt"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	scenario, err := demopbx.ParseScenario("inbound-busy.txt", f)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := pbx.Play(context.Background(), scenario); err != nil {
		fmt.Println(err)
		return
	}
	e := scenario.Expect[0]
	fmt.Println(e.Extension, e.Direction, e.OtherNumber, e.OtherName, e.Result, e.EndedBy)
	// Output: 1001 inbound 2025550143 Bob Caller busy self
}
