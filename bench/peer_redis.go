//go:build linux

package main

import (
	"fmt"
	"strings"
)

var (
	redisPeer   = peer{name: "Redis", needs: "redis-server", start: func(folder string) (server, error) { return startRedis(folder, false) }}
	redisRecord = peer{name: "Redis, record", needs: "redis-server", start: func(folder string) (server, error) { return startRedis(folder, true) }}
	redisAlways = peer{name: "Redis, synced", needs: "redis-server", start: func(folder string) (server, error) {
		return startRedis(folder, true, "--appendonly", "yes", "--appendfsync", "always")
	}}
)

// redis publishes, or first keeps the record in a script.
type redis struct {
	*process
	addr   string
	record bool
	script string // its hash
}

// recordScript bumps the revision, sets the field, and publishes.
const recordScript = `redis.call('HINCRBY',KEYS[1],'rev',1) redis.call('HSET',KEYS[1],'party.name',ARGV[1]) redis.call('PUBLISH',KEYS[2],ARGV[2]) return ARGV[1]`

func startRedis(folder string, record bool, args ...string) (server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args = append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--maxclients", "12000", "--dir", folder, "--logfile", folder + "/log"}, args...)
	p, err := startProcess(folder, "redis-server", args...)
	if err != nil {
		return nil, err
	}
	r := &redis{process: p, addr: "127.0.0.1:" + port, record: record}
	if err := answers(r.addr); err != nil {
		r.stop()
		return nil, err
	}
	s, err := r.writer()
	if err == nil {
		var answer string
		answer, err = s.say(command("SCRIPT", "LOAD", recordScript), "\r\n")
		if err == nil {
			r.script, err = s.say("", "\r\n")
			r.script = strings.TrimSpace(r.script)
			_ = answer
		}
		s.close()
	}
	return r, err
}

func command(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

func (r *redis) follow() (*sock, error) { return r.subscribe("all") }

func (r *redis) subscribe(channel string) (*sock, error) {
	s, err := dial(r.addr, 0)
	if err == nil {
		_, err = s.say(command("SUBSCRIBE", channel), ":1\r\n")
	}
	return s, err
}

func (r *redis) writer() (*sock, error) { return dial(r.addr, 0) }

func (r *redis) claims() (*sock, error) { return dial(r.addr, 0) }

func (r *redis) change(to []byte, n int) []byte { return r.publish(to, "all", n) }

func (r *redis) publish(to []byte, channel string, n int) []byte {
	if !r.record {
		to = fmt.Appendf(to, "*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%s\r\n$%d\r\n", len(channel), channel, payloadSize)
	} else {
		to = fmt.Appendf(to, "*7\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n2\r\n$3\r\nrec\r\n$%d\r\n%s\r\n$8\r\n%08d\r\n$%d\r\n", r.script, len(channel), channel, n, payloadSize)
	}
	return append(payload(to, n), "\r\n"...)
}

func (r *redis) hop(i int) (hop, error) {
	in, err := r.subscribe(fmt.Sprint("hop", i))
	if err != nil {
		return hop{}, err
	}
	out, err := r.writer()
	next := fmt.Sprint("hop", (i+1)%3)
	return hop{in: in, out: out, answer: func(to, _ []byte, n int) []byte { return r.publish(to, next, n) }}, err
}

// claim writes a record; nobody follows.
func (r *redis) claim(to []byte, record, n int) []byte {
	key, mark, said := fmt.Sprintf("rec_%012d", record), fmt.Sprintf("@@%08d", n), claimValue(n)
	return append(to, command("EVALSHA", r.script, "2", key, "none", mark, said)...)
}
