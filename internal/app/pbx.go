package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/callboard-dev/callboard/internal/asterisk/ami"
	"github.com/callboard-dev/callboard/internal/config"
	"github.com/callboard-dev/callboard/internal/connector"
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
