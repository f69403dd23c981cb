package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/callboard-dev/callboard/internal/crash"
	"github.com/callboard-dev/callboard/internal/telephony"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

// oldestPostgres is the first version that has all that the schema needs and is still mended (server_version_num).
const oldestPostgres = 14_00_00

// readersAtOnce are connections that only read.
const readersAtOnce = 4

// lockedFor is how long a start waits for another program that is just ending: its connection ends a moment after it.
const lockedFor = 3 * time.Second

// postgres is the dialect of PostgreSQL.
var postgres = dialect{
	begin: beginPipeline,
	sound: func(context.Context, *Store) error { return nil },
	rest:  func(ctx context.Context, s *Store) error { return s.writable(ctx) },
	clean: func(ctx context.Context, s *Store, _ []string) error { return s.vacuum(ctx) },
	tidy:  func(ctx context.Context, s *Store) error { return s.vacuum(ctx) },
	says:  func(ctx context.Context, s *Store, words []string) (bool, error) { return s.rowsSay(ctx, words) },
	told: func(s *Store, err error) error {
		err = s.told(err)
		if said, ok := errors.AsType[*telephony.Error](err); ok {
			return &telephony.Error{Code: said.Code, Message: said.Message, Remedy: said.Remedy + "; Callboard goes on by itself"}
		}
		return err
	},
	ends:  true,
	keeps: true,

	earlier: earlierInPostgres,
	call:    `(` + plainBody + `)::jsonb ->> 'call'`,
	syntax:  &tsquery,
}

// plainBody is the body of a record as PostgreSQL's functions take it: they know no character 0, whose escape may be in it.
const plainBody = `CASE WHEN strpos(body, '\u0000') = 0 THEN body ELSE regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g') END`

var earlierInPostgres = fmt.Sprintf(`SELECT id, line, opened_at, jsonb_build_array(b #> '{call,direction}', b #> '{call,result}', b #> '{call,started_at}',
		b #> '{call,answered_at}', b #> '{call,ended_at}', b #> '{call,views,0,answered_by}', b #> '{call,picked_up_by}', b #> '{call,transferred_to}', b #> '{call,forwarded_to}',
		b #> '{fields,party.name,claims,0,value}')::text,
		CASE WHEN row_number() OVER (ORDER BY opened_at DESC, id DESC) <= %d THEN (b -> 'fields')::text END
	FROM (SELECT id, line, opened_at, (`+plainBody+`)::jsonb AS b FROM records WHERE number = ? AND id <> ? ORDER BY opened_at DESC LIMIT %d) earlier ORDER BY opened_at DESC, id DESC`,
	mostRecalled, mostEarlier)

// letters stand before the words of each column of call_words.
var letters = map[string]string{"name": "n", "company": "c", "number": "d", "email": "e", "tags": "t", "notes": "o"}

var tsquery = syntax{
	and: " & ", or: " | ",
	term: func(word string, columns []string, begins bool) string {
		end := "'"
		if begins {
			end = "':*"
		}
		var any []string
		for _, column := range columns {
			any = append(any, "'"+letters[column]+word+end)
		}
		return "(" + strings.Join(any, " | ") + ")"
	},
	from: "call_words i", n: "i.n", match: "i.words @@ CAST(? AS tsquery)", join: "JOIN",
}

// OpenPostgres opens the store in a database of PostgreSQL and brings its schema up to date. The error is one sentence for a
// person, with a remedy, and has no password in it. A database is open in one program at a time.
func OpenPostgres(ctx context.Context, address string) (*Store, error) {
	config, err := parse(address)
	if err != nil {
		return nil, err
	}
	s := &Store{dialect: &postgres, listing: newListing(), address: placeOf(config)}
	if err := s.openPostgres(ctx, config); err != nil {
		s.Close()
		if errors.Is(err, ErrInUse) {
			return nil, inUse(s.address)
		}
		return nil, s.told(err)
	}
	return s, nil
}

// parse reads an address. The driver's own errors may quote it, with a password in it that is not where one should be.
func parse(address string) (*pgx.ConnConfig, error) {
	const remedy = "write one like postgres://callboard@db.example.com/callboard, and the password into ~/.pgpass"
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("store (in callboard.yaml) is no address of a PostgreSQL database: " + remedy)
	}
	config, err := pgx.ParseConfig(address)
	if err == nil && !u.Query().Has("sslmode") && os.Getenv("PGSSLMODE") == "" && elsewhere(config) {
		q := u.Query()
		q.Set("sslmode", "verify-full") // the driver's own default takes whoever answers for the server, and no TLS if that says so
		u.RawQuery = q.Encode()
		config, err = pgx.ParseConfig(u.String())
	}
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("the address of the PostgreSQL database (store in callboard.yaml) names a file that cannot be read: %w: name one that can", missing)
	}
	if err != nil {
		return nil, errors.New("the address of the PostgreSQL database (store in callboard.yaml) is not understood: " + remedy)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	session := config.RuntimeParams
	if session["application_name"] == "" {
		session["application_name"] = "callboard"
	}
	if session["synchronous_commit"] != "remote_apply" {
		session["synchronous_commit"] = "on" // whatever the server's or the user's setting: what is acknowledged is kept (D-2)
	}
	// A program that went with its computer is known to be gone after half a minute, and lets go of the database.
	session["tcp_keepalives_idle"], session["tcp_keepalives_interval"], session["tcp_keepalives_count"] = "15", "5", "3"
	return config, nil
}

// elsewhere reports whether any server is on another machine.
func elsewhere(config *pgx.ConnConfig) bool {
	hosts := []string{config.Host}
	for _, f := range config.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		ip := net.ParseIP(host)
		if !filepath.IsAbs(host) && !strings.HasPrefix(host, "@") && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return true
		}
	}
	return false
}

// placeOf says where a database is, without a password.
func placeOf(config *pgx.ConnConfig) string {
	return fmt.Sprintf("%s at %s", config.Database, net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))))
}

func (s *Store) openPostgres(ctx context.Context, config *pgx.ConnConfig) error {
	s.writer = sql.OpenDB(dialling{stdlib.GetConnector(*config, stdlib.OptionAfterConnect(s.takeLock)), false})
	s.writer.SetMaxOpenConns(1)
	reading := config.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	reading.RuntimeParams["default_transaction_isolation"] = "repeatable read" // a page of the log is read by several queries
	reading.RuntimeParams["plan_cache_mode"] = "force_custom_plan"             // how a word is best looked for depends on the word
	s.readers = sql.OpenDB(dialling{stdlib.GetConnector(*reading), true})
	s.readers.SetMaxOpenConns(readersAtOnce)
	s.readers.SetMaxIdleConns(readersAtOnce)
	if err := s.checkPostgres(ctx); err != nil {
		return err
	}
	if err := s.migratePostgres(ctx); err != nil {
		return err
	}
	if err := s.trimKeys(ctx, time.Now()); err != nil {
		return err
	}
	return s.start(ctx)
}

// lockClass is the first half of the key of Callboard's advisory lock, the letters "cbrd"; the other is the schema.
const lockClass = 0x63627264

// takeLock is done by the writer's connection before it does anything else. So the connection that commits is the one that has
// the lock: a program that has lost it cannot write.
func (s *Store) takeLock(ctx context.Context, conn *pgx.Conn) error {
	var locked *bool
	err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, hashtext(current_schema()))`, lockClass).Scan(&locked)
	switch {
	case err != nil:
	case locked == nil:
		err = &telephony.Error{Code: telephony.CodeStore, Message: "the database " + s.address + " has no schema to write in",
			Remedy: "create the schema that search_path names, or leave search_path out of the address (store in callboard.yaml)"}
	case !*locked:
		err = errors.Join(ErrInUse, &telephony.Error{Code: telephony.CodeStore, Message: "the database " + s.address + " is " + ErrInUse.Error(), Remedy: "stop that one"})
	}
	if err != nil {
		err = errors.Join(err, conn.Close(ctx))
	}
	return err
}

// checkPostgres waits for the lock, and asserts what makes an acknowledged write safe.
func (s *Store) checkPostgres(ctx context.Context) error {
	for began := time.Now(); ; {
		err := s.writer.PingContext(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrInUse) || time.Since(began) > lockedFor {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var version int
	var shown, encoding, syncs string
	err := s.writer.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'), current_setting('fsync')`).
		Scan(&version, &shown, &encoding, &syncs)
	wrong, remedy := "", ""
	switch {
	case err != nil:
		return err
	case version < oldestPostgres:
		wrong, remedy = "is in PostgreSQL "+shown, fmt.Sprintf("use PostgreSQL %d or later", oldestPostgres/10_000)
	case encoding != "UTF8":
		wrong, remedy = "has the encoding "+encoding, "create one with ENCODING 'UTF8'"
	case syncs != "on":
		wrong, remedy = "is at a server with fsync = off, which loses what was kept when the power fails", "set fsync = on in its postgresql.conf"
	default:
		return s.writable(ctx)
	}
	return &telephony.Error{Code: telephony.CodeStore, Message: "the database " + s.address + " " + wrong, Remedy: remedy}
}

func (s *Store) migratePostgres(ctx context.Context) error {
	folder, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, s.writer, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	known := provider.ListSources()
	if newest := known[len(known)-1].Version; version > newest {
		return &telephony.Error{Code: telephony.CodeStore, Message: fmt.Sprintf("the database %s was written by a newer Callboard (schema %d, this one knows %d)", s.address, version, newest),
			Remedy: "use the newer Callboard, or another database (store in callboard.yaml)"}
	}
	for range known {
		if _, err := provider.UpByOne(ctx); errors.Is(err, goose.ErrNoNextVersion) {
			break
		} else if err != nil {
			return err
		}
		crash.Here("migration")
	}
	return nil
}

// writable asks whether the server takes writes: one that has become a standby answers, too.
func (s *Store) writable(ctx context.Context) error {
	var only string
	if err := s.writer.QueryRowContext(ctx, `SHOW transaction_read_only`).Scan(&only); err != nil {
		return err
	}
	if only == "on" {
		return s.told(&pgconn.PgError{Code: readOnly, Message: "it is read-only"})
	}
	return nil
}

// dialling makes connections that take the store's SQL.
type dialling struct {
	driver.Connector
	reads bool // and nothing else
}

func (d dialling) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := d.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return asking{c.(*stdlib.Conn), d.reads}, nil
}

// asking is a connection to which ? stands for what is given, as everywhere in the store, and not $1.
type asking struct {
	*stdlib.Conn
	reads bool
}

// BeginTx asks for another connection where this one has ended since it was last used: nothing was done in it.
func (c asking) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, o)
	if c.ended(ctx, err) {
		return nil, driver.ErrBadConn
	}
	return tx, err
}

// ended reports whether an error is that the server, or the way to it, has gone.
func (c asking) ended(ctx context.Context, err error) bool {
	return err != nil && c.Conn.Conn().IsClosed() && ctx.Err() == nil
}

func (c asking) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, numbered(query))
}

func (c asking) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, numbered(query), args)
}

// QueryContext, too, asks for another connection where it only reads: whatever the one that has ended did of it is done again.
func (c asking) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	inside := c.Conn.Conn().PgConn().TxStatus() != 'I'
	rows, err := c.Conn.QueryContext(ctx, numbered(query), args)
	if c.reads && !inside && c.ended(ctx, err) {
		return nil, driver.ErrBadConn
	}
	return rows, err
}

// CheckNamedValue makes texts such as PostgreSQL keeps.
func (asking) CheckNamedValue(v *driver.NamedValue) error {
	if text, ok := v.Value.(string); ok {
		v.Value = utf8Text(text)
	}
	return nil
}

// utf8Text is a text as PostgreSQL keeps it: UTF-8 without the character 0. What people and PBXs say is so already, but for JSON, which says
// it in other words; what is only looked for may be anything.
func utf8Text(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// numbered writes $1, $2… for each ? outside of quotes.
func numbered(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var out strings.Builder
	n, quote := 0, rune(0)
	for _, r := range query {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == '?':
			n++
			out.WriteString("$" + strconv.Itoa(n))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
