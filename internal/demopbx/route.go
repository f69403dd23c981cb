package demopbx

import (
	"strconv"
	"strings"
)

// Ring times of the Dial lines, in seconds, when nothing else is said.
const (
	ringPhone = 25
	ringGroup = 20
	ringTrunk = 60
	ringHunt  = 4
)

// routeKind is what the dialplan does with a number.
type routeKind int

const (
	toNobody routeKind = iota
	toExtension
	toGroup
	toHunt
	toQueue
	toOutside
	toLocal
	toRoom
	toPark
	toSpace
	toPickup
	toSpy
	toEcho
)

// route is where a number leads.
type route struct {
	kind      routeKind
	number    string   // the extension, what goes to the trunk, the queue, the room, the parking space
	rings     []string // endpoints that are called, in order
	seconds   int      // for which they are called
	voicemail bool
	recorded  bool
}

// forwarded tells whether what is dialled is not a phone but a Local channel that the caller makes itself.
func (r route) forwarded() bool { return len(r.rings) == 0 }

// extension is the route to one extension.
func extension(n string) route {
	return route{kind: toExtension, number: n, rings: []string{n}, seconds: ringPhone}
}

// routeOf is the numbering: a small office's, the same as that of the lab.
func (x *exchange) routeOf(context, n string) route {
	team := x.team()
	switch {
	case context == "from-trunk":
		return x.routeOfDID(n)
	case x.phones[n] != Phone{}:
		return extension(n)
	case n == "600":
		return route{kind: toEcho}
	case n == parkExtension:
		return route{kind: toPark}
	case n == "2000" || n == "2050" || n == "2100":
		return x.routeOfDID("55502" + n[1:3])
	case n == "3000":
		return route{kind: toRoom, number: n}
	case len(n) == 3 && n >= "701" && n <= "720":
		return route{kind: toSpace, number: n}
	case n == "*8":
		return route{kind: toPickup, rings: team}
	case strings.HasPrefix(n, "**"):
		return route{kind: toPickup, number: n[2:]}
	case strings.HasPrefix(n, "*90"):
		return route{kind: toSpy, number: n[3:]}
	case strings.HasPrefix(n, "*1"):
		r := x.routeOf(context, n[2:])
		r.recorded = true
		return r
	case strings.HasPrefix(n, "81") && len(n) == 5:
		return route{kind: toLocal, number: "1" + n[2:], seconds: ringPhone}
	case isOutside(n):
		return outside(n)
	}
	return route{}
}

// outside is the route to a number outside. A leading 9 asks for an outside line and is not sent.
func outside(n string) route {
	return route{kind: toOutside, number: strings.TrimPrefix(n, "9"), rings: []string{trunk}, seconds: ringTrunk}
}

// isOutside tells whether a number goes out: 9 and seven digits, or a number that is longer than any inside.
func isOutside(n string) bool {
	digits := strings.TrimPrefix(n, "+")
	return len(digits) > 4 && strings.Trim(digits, "0123456789") == ""
}

func (x *exchange) routeOfDID(n string) route {
	team := x.team()
	switch n {
	case "5550200":
		return route{kind: toGroup, rings: team, seconds: ringGroup}
	case "5550205":
		return route{kind: toHunt, rings: team, seconds: ringHunt}
	case "5550210":
		return route{kind: toQueue, number: "2100", rings: team}
	}
	if len(n) > 2 { // 5550101 is extension 1001
		for ext := range x.phones {
			if strings.HasSuffix(ext, n[len(n)-2:]) {
				return extension(ext)
			}
		}
	}
	return route{}
}

// team is who the groups and the queue call: the first three phones.
func (x *exchange) team() []string {
	all := x.extensions()
	return all[:min(3, len(all))]
}

// contactURI is where the nth phone of an extension registered from.
func contactURI(p Phone, extension string, n int) string {
	host, port, _ := strings.Cut(p.Addr, ":")
	if port == "" {
		port = "5060"
	}
	if n > 1 {
		port = strconv.Itoa(5060 + 10*(n-1))
	}
	return "sip:" + extension + "@" + host + ":" + port
}
