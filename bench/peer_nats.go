//go:build linux

package main

import "fmt"

var natsPeer = peer{name: "NATS", needs: "nats-server", start: func(folder string) (server, error) {
	n, err := startNATS(folder)
	return n, err
}}

// nats publishes on plain subjects.
type nats struct {
	*process
	addr string
}

func startNATS(folder string, args ...string) (*nats, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p, err := startProcess(folder, "nats-server", append([]string{"-a", "127.0.0.1", "-p", port, "-l", folder + "/log"}, args...)...)
	if err != nil {
		return nil, err
	}
	n := &nats{p, "127.0.0.1:" + port}
	if err := answers(n.addr); err != nil {
		n.stop()
		return nil, err
	}
	return n, nil
}

func (n *nats) writer() (*sock, error) {
	s, err := dial(n.addr, 0)
	if err == nil {
		_, err = s.say("", "\r\n") // INFO
	}
	if err == nil {
		_, err = s.say("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n", "PONG\r\n")
	}
	return s, err
}

func (n *nats) follow() (*sock, error) { return n.subscribe("all") }

func (n *nats) subscribe(subject string) (*sock, error) {
	s, err := n.writer()
	if err == nil {
		_, err = s.say("SUB "+subject+" 1\r\nPING\r\n", "PONG\r\n")
	}
	return s, err
}

func (n *nats) change(to []byte, i int) []byte { return n.publish(to, "all", i) }

func (n *nats) publish(to []byte, subject string, i int) []byte {
	return append(payload(fmt.Appendf(to, "PUB %s %d\r\n", subject, payloadSize), i), "\r\n"...)
}

func (n *nats) hop(i int) (hop, error) {
	s, err := n.subscribe(fmt.Sprint("hop", i))
	next := fmt.Sprint("hop", (i+1)%3)
	return hop{in: s, out: s, answer: func(to, _ []byte, at int) []byte { return n.publish(to, next, at) }}, err
}
