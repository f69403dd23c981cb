//go:build linux

package main

import (
	"fmt"
	"strings"
)

// jetStream is a key-value bucket with a watcher per app. One of history 1 skips revisions, and refuses the thousandth watcher.
var jetStream = peer{name: "JetStream KV", needs: "nats-server", most: 100, merge: true, start: func(folder string) (server, error) {
	n, err := startNATS(folder, "-js", "-sd", folder)
	if err != nil {
		return nil, err
	}
	k := &keyValue{n}
	s, err := n.writer()
	if err == nil {
		defer s.close()
		_, err = k.ask(s, "$JS.API.STREAM.CREATE.KV_b", `{"name":"KV_b","subjects":["$KV.b.>"],"max_msgs_per_subject":1,"discard":"new","storage":"file","allow_rollup_hdrs":true,"deny_delete":true,"num_replicas":1}`)
	}
	if err != nil {
		n.stop()
	}
	return k, err
}}

type keyValue struct{ *nats }

// ask waits for the answer to a request.
func (k *keyValue) ask(s *sock, subject, request string) (string, error) {
	if _, err := s.say(fmt.Sprintf("SUB _INBOX.ask 9\r\nPING\r\n"), "PONG\r\n"); err != nil {
		return "", err
	}
	answer, err := s.say(fmt.Sprintf("PUB %s _INBOX.ask %d\r\n%s\r\n", subject, len(request), request), "}\r\n")
	if err == nil && strings.Contains(answer, `"error"`) {
		err = fmt.Errorf("%s: %s", subject, answer)
	}
	return answer, err
}

func (k *keyValue) follow() (*sock, error) { return k.watch("all") }

var inboxes int

func (k *keyValue) watch(key string) (*sock, error) {
	s, err := k.writer()
	if err != nil {
		return nil, err
	}
	inboxes++
	inbox := fmt.Sprint("told.", inboxes)
	if _, err = s.say("SUB "+inbox+" 1\r\nPING\r\n", "PONG\r\n"); err == nil {
		_, err = k.ask(s, "$JS.API.CONSUMER.CREATE.KV_b",
			fmt.Sprintf(`{"stream_name":"KV_b","config":{"deliver_subject":"%s","deliver_policy":"last_per_subject","ack_policy":"none","filter_subject":"$KV.b.%s","replay_policy":"instant","max_deliver":1,"mem_storage":true,"num_replicas":1}}`, inbox, key))
	}
	return s, err
}

func (k *keyValue) change(to []byte, i int) []byte { return k.put(to, "all", i) }

func (k *keyValue) put(to []byte, key string, i int) []byte {
	return append(payload(fmt.Appendf(to, "PUB $KV.b.%s acked %d\r\n", key, payloadSize), i), "\r\n"...)
}

func (k *keyValue) hop(i int) (hop, error) {
	s, err := k.watch(fmt.Sprint("hop", i))
	next := fmt.Sprint("hop", (i+1)%3)
	return hop{in: s, out: s, answer: func(to, _ []byte, at int) []byte { return k.put(to, next, at) }}, err
}
