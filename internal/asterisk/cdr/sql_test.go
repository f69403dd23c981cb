//go:build linux

package cdr

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// freePBX are the columns of FreePBX's asteriskcdrdb.cdr.
const freePBX = `calldate %s NOT NULL, clid varchar(80) NOT NULL DEFAULT '', src varchar(80) NOT NULL DEFAULT '', dst varchar(80) NOT NULL DEFAULT '', dcontext varchar(80) NOT NULL DEFAULT '',
	channel varchar(80) NOT NULL DEFAULT '', dstchannel varchar(80) NOT NULL DEFAULT '', lastapp varchar(80) NOT NULL DEFAULT '', lastdata varchar(80) NOT NULL DEFAULT '',
	duration int NOT NULL DEFAULT 0, billsec int NOT NULL DEFAULT 0, disposition varchar(45) NOT NULL DEFAULT '', amaflags int NOT NULL DEFAULT 0, accountcode varchar(20) NOT NULL DEFAULT '',
	uniqueid varchar(32) NOT NULL DEFAULT '', userfield varchar(255) NOT NULL DEFAULT '', did varchar(50) NOT NULL DEFAULT '', cnum varchar(80) NOT NULL DEFAULT '', cnam varchar(80) NOT NULL DEFAULT '',
	dst_cnam varchar(80) NOT NULL DEFAULT '', linkedid varchar(32) NOT NULL DEFAULT ''`

// fill writes a ring group that 1002 answered, a call of others, a missed one in the hour that comes twice, and an old one.
func fill(t *testing.T, db *sql.DB, table, date string) {
	t.Helper()
	insert := func(at, src, name, channel, to, how string, duration, talk int, id string) string {
		return fmt.Sprintf(`INSERT INTO %s (calldate, clid, src, dst, channel, dstchannel, lastapp, lastdata, duration, billsec, disposition, uniqueid, cnum, cnam, linkedid)
			VALUES ('%s', '"%s" <%s>', '%s', '600', '%s', '%s', 'Dial', 'PJSIP/1001&PJSIP/1002', %d, %d, '%s', '%s', '%s', '%s', '%s')`, table, at, name, src, src, channel, to, duration, talk, how, id, src, name, id)
	}
	if err := exec1(t.Context(), db, fmt.Sprintf("CREATE TABLE %s ("+freePBX+")", table, date),
		insert("2026-10-25 10:00:00", "2025550143", "Jørgen", "PJSIP/trunk-00000001", "PJSIP/1001-00000002", "NO ANSWER", 9, 0, "1792918800.1"),
		insert("2026-10-25 10:00:00", "2025550143", "Jørgen", "PJSIP/trunk-00000001", "PJSIP/1002-00000003", "ANSWERED", 69, 60, "1792918800.1"),
		insert("2026-10-25 11:00:00", "2025550144", "Others", "PJSIP/trunk-00000004", "PJSIP/1003-00000005", "ANSWERED", 69, 60, "1792922400.4"),
		insert("2026-10-25 11:30:00", "2025550144", "Others", "PJSIP/trunk-00000006", "PJSIP/11001-00000007", "ANSWERED", 69, 60, "1792924200.6"),
		insert("2026-10-25 02:30:00", "2025550145", "Night", "PJSIP/trunk-00000008", "PJSIP/1001-00000009", "NO ANSWER", 9, 0, "1792891800.8"),
		insert("2026-10-01 10:00:00", "2025550146", "Old", "PJSIP/trunk-0000000a", "PJSIP/1001-0000000b", "NO ANSWER", 9, 0, "1790841600.1"),
	); err != nil {
		t.Fatal(err)
	}
}

// check reads what fill wrote. zoned: the table's column knows the zone, in which the database has read what was written.
func check(t *testing.T, o Options, night, group string) {
	t.Helper()
	o.Extensions = []telephony.Extension{{Number: "1001"}}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
	rows, bad, err := r.source.rows(t.Context(), since)
	if err != nil || bad != 0 || len(rows) != 3 {
		t.Fatalf("%d rows, %d bad, %v: of other people's calls nothing is to be read", len(rows), bad, err)
	}
	calls, err := r.Calls(t.Context(), since, 10)
	if err != nil || len(calls) != 2 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	for i, want := range []string{night + " inbound 2025550145 Night missed", group + " inbound 2025550143 Jørgen answered_elsewhere by 1002"} {
		checkCall(t, &calls[i])
		if got := calls[i].Call.StartedAt.UTC().Format(time.DateTime) + " " + brief(&calls[i].Call.Views[0]); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestPostgres reads tables of a real PostgreSQL: times without a zone are the PBX's, those with one are the database's.
func TestPostgres(t *testing.T) {
	t.Parallel()
	db, address := startTestPostgres(t)
	fill(t, db, "cdr", "timestamp")
	fill(t, db, "public.zoned", "timestamptz") // the server's zone is Tokyo
	check(t, Options{Source: address, Zone: "Europe/Copenhagen"}, "2026-10-25 01:30:00", "2026-10-25 09:00:00")
	check(t, Options{Source: address, Zone: "Europe/Copenhagen", Table: "public.zoned"}, "2026-10-24 17:30:00", "2026-10-25 01:00:00")
	if err := exec1(t.Context(), db, "CREATE TABLE few (calldate timestamp, src text)", "CREATE ROLE reader LOGIN", "GRANT SELECT ON cdr TO reader"); err != nil {
		t.Fatal(err)
	}
	check(t, Options{Source: strings.Replace(address, "postgres@", "reader@", 1), Zone: "Europe/Copenhagen"}, "2026-10-25 01:30:00", "2026-10-25 09:00:00")
	refuses(t, Options{Source: address, Table: "none"}, "does not exist", "GRANT SELECT")
	refuses(t, Options{Source: address, Table: "few"}, "no column channel")
	refuses(t, Options{Source: strings.Replace(address, "postgres@", "reader@", 1), Table: "public.zoned"}, "permission denied")
}

// TestMariaDB reads FreePBX's table in a real MariaDB: a DATETIME is the PBX's, a TIMESTAMP the database's.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	db, address := startTestMariaDB(t)
	fill(t, db, "cdr", "datetime")
	fill(t, db, "zoned", "timestamp") // the server's zone is that of Tokyo
	o := Options{Source: address, Secret: "pass word", Zone: "Europe/Copenhagen"}
	check(t, o, "2026-10-25 01:30:00", "2026-10-25 09:00:00")
	o.Table = "zoned"
	check(t, o, "2026-10-24 17:30:00", "2026-10-25 01:00:00")
	o.Table = "none"
	refuses(t, o, "doesn't exist")
	o.Table, o.Secret = "cdr", "wrong-secret"
	refuses(t, o, "Access denied")
}

// refuses wants an error that names the thing, the reason and the remedy, and no secret.
func refuses(t *testing.T, o Options, wants ...string) {
	t.Helper()
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Calls(t.Context(), day, 10)
	for _, want := range append(wants, "cannot be read", "pbx.cdr.source") {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("the secret is in %v", err)
	}
}
