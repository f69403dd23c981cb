package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

var tableName = regexp.MustCompile(`^[A-Za-z0-9_$]+(\.[A-Za-z0-9_$]+)?$`)

// check also holds a database on another machine to TLS with a certificate that is checked, unless plain is allowed.
func (c CDR) check(plain bool) error {
	switch {
	case c.Days < 1 || c.Days > 90:
		return fmt.Errorf("pbx.cdr.days: %d is not 1 to 90", c.Days)
	case c.Calls < 1 || c.Calls > 10_000:
		return fmt.Errorf("pbx.cdr.calls: %d is not 1 to 10000", c.Calls)
	case c.Table != "" && !tableName.MatchString(c.Table):
		return fmt.Errorf("pbx.cdr.table: %q is no name of a table: write one like cdr, or schema.cdr", c.Table)
	case !strings.Contains(c.Source, "://"):
		return c.checkZone()
	}
	u, err := url.Parse(c.Source)
	if err != nil { // it would print the password that may be in it
		return errors.New("pbx.cdr.source cannot be read: write one like postgres://reader@192.0.2.10/asterisk")
	}
	_, password := u.User.Password()
	safe := slices.Contains([]string{"", "verify-full", "verify-ca"}, u.Query().Get("sslmode")) && slices.Contains([]string{"", "true"}, u.Query().Get("tls"))
	switch {
	case !slices.Contains([]string{"postgres", "postgresql", "mysql", "mariadb"}, u.Scheme):
		return fmt.Errorf("pbx.cdr.source: %s:// is not known: use a file's path, postgres:// or mysql://", u.Scheme)
	case password || u.Query().Has("password"):
		return errors.New("pbx.cdr.source has a password in it: write that as pbx.cdr.secret, which is never shown")
	case u.User.Username() == "" || strings.Trim(u.Path, "/") == "":
		return errors.New("pbx.cdr.source wants a user and a database: write one like postgres://reader@192.0.2.10/asterisk")
	case !plain && !safe && u.Hostname() != "" && !loopback(u.Hostname()):
		return fmt.Errorf("pbx.cdr.source: %s is another machine, and its certificate would not be checked: take sslmode and tls away from the address, or set pbx.allow_plain: true if the way there is safe", u.Hostname())
	}
	return c.checkZone()
}

func (c CDR) checkZone() error {
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		return fmt.Errorf("pbx.cdr.zone: %q is not known: write one like Europe/Copenhagen, or UTC", c.Zone)
	}
	return nil
}
