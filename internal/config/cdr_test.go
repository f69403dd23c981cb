package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCDR: what is wrong is said with its remedy, no password can be in an address that is shown, and a database on another machine is
// held to a certificate that is checked.
func TestCDR(t *testing.T) {
	t.Parallel()
	for cdr, want := range map[string]string{
		`{source: /var/log/asterisk/cdr-csv/Master.csv}`:                      "",
		`{source: 'C:\cdr\Master.csv', zone: Europe/Copenhagen}`:              "",
		`{source: 'postgres://reader@192.0.2.10/asterisk', secret: s}`:        "",
		`{source: 'mysql://reader@192.0.2.10/asteriskcdrdb', table: a.cdr}`:   "",
		`{source: 'postgres://reader@/asterisk?host=/run/postgresql'}`:        "",
		`{source: 'postgres://reader@127.0.0.1/asterisk?sslmode=disable'}`:    "",
		`{source: 'postgres://reader@192.0.2.10/asterisk?sslmode=verify-ca'}`: "",
		`{source: 'postgres://reader@192.0.2.10/asterisk?sslmode=require'}`:   "its certificate would not be checked",
		`{source: 'mysql://reader@db.example/asteriskcdrdb?tls=skip-verify'}`: "its certificate would not be checked",
		`{source: 'mysql://reader:hidden@192.0.2.10/x'}`:                      "pbx.cdr.secret",
		`{source: 'postgres://reader@192.0.2.10/x?password=hidden'}`:          "pbx.cdr.secret",
		`{source: 'postgres://reader@[hid/x'}`:                                "write one like postgres://",
		`{source: 'postgres://192.0.2.10/x'}`:                                 "wants a user and a database",
		`{source: 'oracle://reader@192.0.2.10/x'}`:                            "oracle:// is not known",
		`{source: /x, zone: Mars/Olympus}`:                                    "write one like Europe/Copenhagen",
		`{source: /x, zone: Local}`:                                           "write one like Europe/Copenhagen",
		`{source: /x, table: 'cdr; DROP TABLE cdr'}`:                          "no name of a table",
		`{source: /x, days: 0}`:                                               "1 to 90",
		`{source: /x, calls: 10001}`:                                          "1 to 10000",
	} {
		_, err := Parse([]byte("pbx: {address: '127.0.0.1:5038', username: u, secret: s, cdr: " + cdr + "}\nline: {extensions: [{number: '1001'}]}\n"))
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", cdr, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hid")):
			t.Errorf("%s: %v does not say %q", cdr, err, want)
		}
	}
	folder := t.TempDir()
	secret, path := filepath.Join(folder, "secret"), filepath.Join(folder, "callboard.yaml")
	for name, text := range map[string]string{secret: "from a file\n", path: "pbx: {address: '127.0.0.1:5038', username: u, secret: s, cdr: {source: 'mysql://r@/x', secret_file: " + secret + "}}\nline: {extensions: [{number: '1001'}]}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := Load(path); err != nil || c.PBX.CDR.Secret != "from a file" || c.PBX.CDR.Days != 7 || c.PBX.CDR.Calls != 500 || c.PBX.CDR.Table != "cdr" {
		t.Errorf("%+v, %v", c.PBX.CDR, err)
	}
}
