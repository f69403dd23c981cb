package cdr

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// mostRows bounds what is read of a table: rows of the line's calls alone.
const mostRows = 20_000

// table is a table of records: FreePBX's, or one that cdr_pgsql, cdr_adaptive_odbc and others fill by the names of its columns.
type table struct {
	what    string // for people
	table   string
	zone    *time.Location
	devices []string // of the line, as patterns for LIKE
	connect func() *sql.DB
	quote   byte
	dollars bool // $1 for ?
}

func (t *table) name() string { return t.what }

// openPostgres and openMySQL check an address. A database on another machine is spoken to with TLS and its certificate is
// checked, unless the address says otherwise.
func openPostgres(u *url.URL, o *Options, zone *time.Location) (source, error) {
	query := u.Query()
	if !query.Has("sslmode") && !local(u.Hostname()) {
		query.Set("sslmode", "verify-full")
		u.RawQuery = query.Encode()
	}
	settings, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("pbx.cdr.source is no address of a PostgreSQL database: write one like postgres://reader@192.0.2.10/asterisk")
	}
	if o.Secret != "" {
		settings.Password = o.Secret
	}
	settings.ConnectTimeout = connectTime
	settings.RuntimeParams["application_name"] = "callboard"
	t := &table{table: o.Table, zone: zone, devices: patterns(o.Extensions), quote: '"', dollars: true}
	t.what = fmt.Sprintf("table %s of the PostgreSQL database %s at %s", o.Table, settings.Database, settings.Host)
	t.connect = func() *sql.DB { return stdlib.OpenDB(*settings) }
	return t, nil
}

func openMySQL(u *url.URL, o *Options, zone *time.Location) (source, error) {
	settings := mysql.NewConfig()
	settings.User, settings.Passwd, settings.DBName = u.User.Username(), o.Secret, strings.TrimPrefix(u.Path, "/")
	settings.Net, settings.Addr = "tcp", u.Host
	if socket := u.Query().Get("socket"); socket != "" {
		settings.Net, settings.Addr = "unix", socket
	} else if u.Port() == "" {
		settings.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	settings.Timeout, settings.ReadTimeout = connectTime, readTime
	settings.Params = map[string]string{"time_zone": "'+00:00'"} // so that a TIMESTAMP is UTC; a DATETIME is as it was written
	if settings.TLSConfig = u.Query().Get("tls"); settings.TLSConfig == "" && !local(u.Hostname()) {
		settings.TLSConfig = "true"
	}
	connector, err := mysql.NewConnector(settings)
	if err != nil {
		return nil, fmt.Errorf("pbx.cdr.source is no address of a MySQL database: write one like mysql://reader@192.0.2.10/asteriskcdrdb")
	}
	t := &table{table: o.Table, zone: zone, devices: patterns(o.Extensions), quote: '`'}
	t.what = fmt.Sprintf("table %s of the MySQL database %s at %s", o.Table, settings.DBName, settings.Addr)
	t.connect = func() *sql.DB { return sql.OpenDB(connector) }
	return t, nil
}

// local reports whether a host is this computer; empty is a socket.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

const (
	connectTime = 10 * time.Second
	readTime    = time.Minute
)

// patterns are what the names of an extension's channels are like.
func patterns(extensions []telephony.Extension) []string {
	escape := strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`)
	var all []string
	for _, e := range extensions {
		if e.Device != "" {
			all = append(all, escape.Replace(e.Device)+"-%")
		} else {
			all = append(all, "%/"+escape.Replace(e.Number)+"-%")
		}
	}
	return all
}

// known are the columns that are read where they are there.
var known = []string{"calldate", "start", "src", "dst", "clid", "channel", "dstchannel", "lastapp", "lastdata", "duration", "billsec", "disposition",
	"uniqueid", "linkedid", "cnum", "cnam", "dst_cnam"}

// rows reads the records of the line's calls, and the others of the same calls: who answered in its place.
func (t *table) rows(ctx context.Context, since time.Time) ([]row, int, error) {
	const remedy = "see that the database runs, and that the user of pbx.cdr.source may read the table (GRANT SELECT)"
	ctx, cancel := context.WithTimeout(ctx, connectTime+readTime)
	defer cancel()
	db := t.connect()
	defer db.Close()
	rows, bad, err := t.read(ctx, db, since)
	if err != nil {
		return nil, 0, unreadable(t.what, err, remedy)
	}
	return rows, bad, nil
}

func (t *table) read(ctx context.Context, db *sql.DB, since time.Time) (all []row, bad int, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, err
	}
	defer tx.Rollback() // nothing was written
	columns, began, err := t.columns(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	query, args := t.query(columns, began, since)
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	now := time.Now()
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, 0, err
		}
		at, _ := values[slices.Index(columns, began.name)].(time.Time)
		if !began.absolute {
			at = time.Time{} // its clock is read in the zone
		}
		get := func(name string) string {
			if i := slices.Index(columns, name); i >= 0 {
				return written(values[i])
			}
			return ""
		}
		if r, sound := newRow(get, began.utc(at, get), t.zone, now); sound {
			all = append(all, r)
		} else {
			bad++
		}
	}
	return all, bad, rows.Err()
}

// written is a value as text.
func written(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.Format(time.DateTime)
	}
	return fmt.Sprint(value)
}

// beginning is the column that says when a call began.
type beginning struct {
	name     string
	absolute bool // the database knows the zone
	text     bool // it gives text, though absolute: in UTC
	argument bool // it is compared with a time
}

// utc is the time of a row, zero if its clock is to be read in the zone.
func (b *beginning) utc(at time.Time, get func(string) string) time.Time {
	if !b.absolute || !b.text {
		return at
	}
	at, err := time.Parse("2006-01-02 15:04:05", get(b.name))
	if err != nil {
		return time.Time{}
	}
	return at
}

// columns finds which of the known columns the table has.
func (t *table) columns(ctx context.Context, tx *sql.Tx) (found []string, began beginning, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM "+t.quoted(strings.Split(t.table, ".")...)+" WHERE 1 = 0")
	if err != nil {
		return nil, began, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, began, err
	}
	for _, c := range types {
		if !slices.Contains(known, c.Name()) {
			continue
		}
		found = append(found, c.Name())
		if c.Name() == "calldate" || c.Name() == "start" {
			kind := strings.ToUpper(c.DatabaseTypeName())
			began = beginning{name: c.Name(), argument: true}
			switch {
			case kind == "TIMESTAMPTZ", kind == "TIMESTAMP" && !t.dollars:
				began.absolute, began.text = true, !t.dollars
			case kind != "TIMESTAMP" && kind != "DATETIME":
				began.argument = false
			}
		}
	}
	for _, name := range []string{"channel", "dstchannel"} {
		if !slices.Contains(found, name) {
			return nil, began, fmt.Errorf("the table has no column %s", name)
		}
	}
	if began.name == "" {
		return nil, began, errors.New("the table has no column calldate or start")
	}
	return found, began, rows.Err()
}

func (t *table) quoted(names ...string) string {
	for i, name := range names {
		q := string(t.quote)
		names[i] = q + strings.ReplaceAll(name, q, q+q) + q
	}
	return strings.Join(names, ".")
}

// query asks for the newest rows since a time that are of the line's calls.
func (t *table) query(columns []string, began beginning, since time.Time) (string, []any) {
	var args []any
	bind := func(value any) string {
		args = append(args, value)
		if t.dollars {
			return fmt.Sprintf("$%d", len(args))
		}
		return "?"
	}
	from := func() string {
		wall := since.In(t.zone)
		switch {
		case began.absolute && !began.text:
			return bind(since)
		case began.absolute:
			return bind(since.UTC().Format(time.DateTime))
		case began.argument && t.dollars:
			return bind(time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, time.UTC))
		}
		return bind(wall.Format(time.DateTime))
	}
	var names []string
	for _, c := range columns {
		names = append(names, t.quoted(c))
	}
	name, start := t.quoted(strings.Split(t.table, ".")...), t.quoted(began.name)
	ours := func() string {
		var any []string
		for _, column := range []string{"channel", "dstchannel"} {
			for _, pattern := range t.devices {
				any = append(any, t.quoted(column)+" LIKE "+bind(pattern)+" ESCAPE '!'")
			}
		}
		return "(" + strings.Join(any, " OR ") + ")"
	}
	q := "SELECT " + strings.Join(names, ", ") + " FROM " + name + " WHERE " + start + " >= " + from()
	key := ""
	for _, c := range []string{"uniqueid", "linkedid"} { // the better one last
		if slices.Contains(columns, c) {
			key = t.quoted(c)
		}
	}
	if key == "" {
		q += " AND " + ours()
	} else {
		q += " AND " + key + " IN (SELECT " + key + " FROM " + name + " WHERE " + start + " >= " + from() + " AND " + ours() + ")"
	}
	return q + fmt.Sprintf(" ORDER BY %s DESC LIMIT %d", start, mostRows), args
}
