package office

import (
	"bufio"
	"fmt"
	"net"
	"strings"

	"github.com/callboard-dev/callboard/lab"
)

// action lets an AMI account do something on a connection of its own, and waits for the answer. What the action leads
// to may come later: Originate is only taken into the queue.
func (o *Office) action(account, name string, fields ...string) {
	conn, err := new(net.Dialer).DialContext(o.ctx, "tcp", o.lab.AMIAddr())
	o.must(err)
	defer conn.Close()
	if deadline, ok := o.ctx.Deadline(); ok {
		o.must(conn.SetDeadline(deadline))
	}
	answers := bufio.NewReader(conn)
	_, err = answers.ReadString('\n') // greeting
	o.must(err)
	for i, text := range []string{
		message("Login", "Username: "+account, "Secret: "+secret(account), "Events: off", "ActionID: 0"),
		message(name, append(fields, "ActionID: 1")...),
	} {
		_, err := fmt.Fprint(conn, text)
		o.must(err, answer(answers, fmt.Sprint("ActionID: ", i)))
	}
}

func secret(account string) string {
	for _, a := range lab.Accounts {
		if a.Name == account {
			return a.Secret
		}
	}
	return ""
}

func message(action string, fields ...string) string {
	return "Action: " + action + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n"
}

// answer reads up to the response with an ActionID.
func answer(r *bufio.Reader, id string) error {
	var block []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("manager: %w", err)
		}
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			block = append(block, line)
			continue
		}
		text := strings.Join(block, "\n")
		if block = nil; strings.HasPrefix(text, "Response:") && strings.Contains(text, id) {
			if strings.HasPrefix(text, "Response: Success") {
				return nil
			}
			return fmt.Errorf("manager: %s", text)
		}
	}
}
