package demopbx

import (
	"bufio"
	"errors"
	"strings"
)

// message is one AMI message under construction: lines "Key: Value" CRLF, ended by an empty line.
type message []byte

// add appends one header. The value is written as it is: AMI escapes only the few values named at [escapeC], and everything
// else, even a line break in a caller's number, goes out raw.
func (m *message) add(key, value string) {
	b := append(*m, key...)
	b = append(b, ": "...)
	b = append(b, value...)
	*m = append(b, "\r\n"...)
}

func (m *message) end() { *m = append(*m, "\r\n"...) }

// escapeC is ast_escape_c of Asterisk's main/utils.c. AMI applies it to CallerIDName, ConnectedLineName and VarSet's Value.
func escapeC(s string) string {
	if !strings.ContainsAny(s, "\a\b\f\n\r\t\v\\'\"?") {
		return s
	}
	return escaper.Replace(s)
}

var escaper = strings.NewReplacer("\a", `\a`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`,
	`\`, `\\`, `'`, `\'`, `"`, `\"`, "?", `\?`)

// orUnknown is how AMI prints an empty number or name.
func orUnknown(s string) string {
	if s == "" {
		return "<unknown>"
	}
	return s
}

// request is one message from a client.
type request struct {
	lines   []string
	tooMany bool
	tooLong bool
}

// get returns the value of the first header of that name, without leading blanks, as astman_get_header does.
func (r request) get(name string) string {
	for _, line := range r.lines {
		if v, ok := headerValue(line, name); ok {
			return v
		}
	}
	return ""
}

// all returns the values of every header of that name.
func (r request) all(name string) []string {
	var values []string
	for _, line := range r.lines {
		if v, ok := headerValue(line, name); ok {
			values = append(values, v)
		}
	}
	return values
}

// action is the first Action header that is not empty.
func (r request) action() string {
	for _, line := range r.lines {
		if v, ok := headerValue(line, "Action"); ok && v != "" {
			return v
		}
	}
	return ""
}

func headerValue(line, name string) (string, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !strings.EqualFold(line[:len(name)], name) {
		return "", false
	}
	return strings.TrimLeft(line[len(name)+1:], " \t\r\n"), true
}

// Bounds of what a client may send, from manager.c: inbuf and struct message.
const (
	maxRequestLine  = 1024 // bytes, line end included
	maxRequestLines = 128
)

// readRequest reads lines up to an empty one. r must have a buffer of maxRequestLine bytes. It blocks until the message is
// complete; an error means that the connection is gone.
func readRequest(r *bufio.Reader) (request, error) {
	var req request
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			req.tooLong = true
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
			if err == nil {
				continue
			}
		}
		if err != nil {
			return request{}, err
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		switch {
		case text == "":
			return req, nil
		case len(req.lines) < maxRequestLines:
			req.lines = append(req.lines, text)
		default:
			req.tooMany = true
		}
	}
}
