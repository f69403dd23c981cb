package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/callboard-dev/callboard/internal/asterisk/ami"
	"github.com/callboard-dev/callboard/internal/asterisk/cdr"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/connector"
	"github.com/callboard-dev/callboard/internal/line"
	"github.com/callboard-dev/callboard/internal/telephony"
)

// pbx makes the connector that the configuration names.
func pbx(c config.PBX, logger *slog.Logger) (connector.Connector, error) {
	settings, err := Asterisk(c, logger)
	if err != nil {
		return nil, err
	}
	return ami.New(settings), nil
}

// Asterisk is the link that the configuration describes, for who looks at it or records it.
func Asterisk(c config.PBX, logger *slog.Logger) (ami.Config, error) {
	settings := ami.Config{Address: c.Address, Username: c.Username, Secret: string(c.Secret), Login: ami.Login(c.Login), Logger: logger,
		Context: c.Context, RecordCode: c.RecordCode}
	if c.TLS {
		var err error
		if settings.TLS, err = tlsSettings(c); err != nil {
			return ami.Config{}, err
		}
	}
	return settings, nil
}

// Records are the PBX's own records of the line's calls, nil if none are configured.
func Records(c config.Config, logger *slog.Logger) (*cdr.Records, error) {
	if c.PBX.CDR.Source == "" {
		return nil, nil
	}
	return cdr.Open(cdr.Options{Source: c.PBX.CDR.Source, Secret: string(c.PBX.CDR.Secret), Table: c.PBX.CDR.Table, Zone: c.PBX.CDR.Zone,
		Extensions: extensions(c.Line), Trunks: c.Line.Trunks, Logger: logger})
}

func extensions(l config.Line) []telephony.Extension {
	var all []telephony.Extension
	for _, e := range l.Extensions {
		all = append(all, telephony.Extension{Number: e.Number, Device: e.Device, Name: e.Name})
	}
	return all
}

// readBack is how the calls that nobody saw are read back.
func (a *App) readBack() line.ReadBack {
	c := a.options.Config.PBX.CDR
	return line.ReadBack{Journal: a.records, Memory: a.store, Committer: a.committer, Back: config.Days(c.Days), Most: c.Calls, Logger: a.options.Logger}
}

func tlsSettings(c config.PBX) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fmt.Errorf("pbx.address: %w", err)
	}
	settings := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.TLSName != "" {
		settings.ServerName = c.TLSName
	}
	if c.TLSCA == "" {
		return settings, nil
	}
	pem, err := os.ReadFile(c.TLSCA)
	if err != nil {
		return nil, fmt.Errorf("pbx.tls_ca cannot be read: %w: name the file with the authority's certificate", err)
	}
	settings.RootCAs = x509.NewCertPool()
	if !settings.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("pbx.tls_ca: %s holds no certificate: it must be a PEM file that begins with -----BEGIN CERTIFICATE-----", c.TLSCA)
	}
	return settings, nil
}
