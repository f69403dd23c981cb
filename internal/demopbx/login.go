package demopbx

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

// login is action_login of manager.c. It is false when the session ends.
func (s *session) login(r request) bool {
	if s.loggedIn.Load() {
		s.reply(answer(r, "Success", "Already authenticated"))
		return true
	}
	name := r.get("Username")
	account, ok := s.pbx.accounts[name]
	if s.pbx.refuse.Load() || !ok || !s.authentic(r, account) {
		return s.refuseLogin(r)
	}
	s.user, s.read, s.write = name, account.read, account.write
	mask := account.read
	if m, ok := maskOf(r.get("Events")); ok {
		mask &= m
	}
	reply := answer(r, "Success", "Authentication accepted")
	if mask&classSystem != 0 {
		up := strconv.Itoa(s.pbx.uptime())
		reply.add("Event", "FullyBooted")
		reply.add("Privilege", classSystem.String())
		reply.add("Uptime", up)
		reply.add("LastReload", up)
		reply.add("Status", "Fully Booted")
		reply.end()
	}
	_ = s.conn.SetReadDeadline(time.Time{})
	s.welcome(reply, mask)
	s.pbx.tellLogin(s)
	s.pbx.changed.fire()
	return true
}

// welcome lets events in behind the answer to the login: a client that has read it misses nothing that happens then.
func (s *session) welcome(reply message, mask class) {
	s.pbx.messagesOut.Add(1)
	s.mu.Lock()
	s.replies = append(s.replies, reply...)
	s.mask.Store(uint32(mask))
	s.loggedIn.Store(true)
	s.mu.Unlock()
	s.poke()
}

// authentic checks the plain secret, or hex(md5(challenge + secret)).
func (s *session) authentic(r request, a account) bool {
	given, want := r.get("Secret"), a.secret
	if strings.EqualFold(r.get("AuthType"), "MD5") {
		if s.challenge == "" {
			return false
		}
		sum := md5.Sum([]byte(s.challenge + a.secret))
		given, want = r.get("Key"), hex.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
}

// refuseLogin waits a second, answers, and ends the session.
func (s *session) refuseLogin(r request) bool {
	timer := time.NewTimer(s.pbx.options.LoginDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		s.reply(answer(r, "Error", "Authentication failed"))
	case <-s.dead:
	}
	return false
}

func (s *session) giveChallenge(r request) {
	if !strings.EqualFold(r.get("AuthType"), "MD5") {
		s.reply(answer(r, "Error", "Must specify AuthType"))
		return
	}
	if s.challenge == "" {
		s.challenge = strconv.FormatUint(uint64(rand.Uint32()), 10)
	}
	m := begin(r, "Success")
	m.add("Challenge", s.challenge)
	m.end()
	s.reply(m)
}

// tellLogin is the security event of a successful login, which every session with that class hears.
func (p *PBX) tellLogin(s *session) {
	x := p.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begin(p.clock.now())
	when := x.at.UTC().Format("2006-01-02T15:04:05.000-0700")
	x.emit(classSecurity, "SuccessfulAuth", func(m *message) {
		m.add("EventTV", when)
		m.add("Severity", "Informational")
		m.add("Service", "AMI")
		m.add("EventVersion", "1")
		m.add("AccountID", s.user)
		m.add("SessionID", fmt.Sprintf("%p", s))
		m.add("LocalAddress", s.address(s.raw.LocalAddr()))
		m.add("RemoteAddress", s.address(s.raw.RemoteAddr()))
		m.add("UsingPassword", "0")
		m.add("SessionTV", when)
	})
}

func (s *session) address(a net.Addr) string {
	transport, family := "TCP", "IPV4"
	if s.conn != s.raw {
		transport = "TLS"
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		host, port = a.String(), "0"
	}
	if strings.Contains(host, ":") {
		family = "IPV6"
	}
	return family + "/" + transport + "/" + host + "/" + port
}

func (p *PBX) uptime() int {
	x := p.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	return max(0, int(p.clock.now().Sub(x.boot)/time.Second))
}
