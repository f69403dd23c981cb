package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/callboard-dev/callboard/internal/telephony"
)

// told says why the database does not take something, and what to do. What is not of the database or the way to it is left as it is.
func (s *Store) told(err error) error {
	reason, remedy := "", "start the database server, or mend the way to it"
	said, ok := errors.AsType[*pgconn.PgError](err)
	already, isTold := errors.AsType[*telephony.Error](err)
	switch {
	case isTold:
		return already
	case errors.Is(err, context.Canceled):
		return err
	case ok:
		reason, remedy = said.Message, remedyOf(said.Code)
		if f, ok := errors.AsType[failure](err); ok {
			reason = f.what + ": " + reason
		}
	case errors.Is(err, context.DeadlineExceeded):
		reason = "it does not answer"
	case unproven(err):
		reason, remedy = unprovenSays(err)
	case lost(err):
		reason = strings.Join(strings.Fields(err.Error()), " ")
		if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
			reason = op.Err.Error()
		}
	default:
		return err
	}
	return &telephony.Error{Code: telephony.CodeStore, Message: "the database " + s.address + " cannot be used (" + reason + ")", Remedy: remedy}
}

// remedyOf is what to do about an error that the server tells (PostgreSQL, appendix A).
func remedyOf(code string) string {
	switch {
	case code == readOnly:
		return "make the server writable again, or name the one that is (store in callboard.yaml)"
	case code == "53100": // disk full
		return "free space on the disk of the database server"
	case strings.HasPrefix(code, "58"): // its system fails it
		return "look at the log of the database server, and whether its disk has room"
	case code == "53300": // too many connections
		return fmt.Sprintf("let the server have more connections (max_connections): Callboard takes %d", readersAtOnce+1)
	case code == "3D000": // there is no such database
		return "create it: createdb --encoding=UTF8"
	case code == "42501": // insufficient privilege
		return "make the user of the address (store in callboard.yaml) the owner of the database"
	case strings.HasPrefix(code, "28"): // not let in
		return "put the password of the address' user (store in callboard.yaml) into ~/.pgpass, and let that user in by the server's pg_hba.conf"
	case code == "57P03": // it begins, or recovers from a crash, as after its disk was full
		return "wait until the database server has started; if it does not, look at its log, and whether its disk has room"
	case strings.HasPrefix(code, "57P"): // it ends
		return "start the database server"
	}
	return "look at the log of the database server"
}

const readOnly = "25006"

// lost reports whether an error is of the way to the server.
func lost(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || connecting(err) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// connecting reports whether an error is of a connection that did not come about.
func connecting(err error) bool {
	_, is := errors.AsType[*pgconn.ConnectError](err)
	return is
}

// unproven reports whether the server did not prove who it is, or was asked to and cannot.
func unproven(err error) bool {
	_, is := errors.AsType[*tls.CertificateVerificationError](err)
	return is || refusedTLS(err)
}

// refusedTLS goes by the text: the driver has no type for it.
func refusedTLS(err error) bool {
	return connecting(err) && strings.HasSuffix(err.Error(), "server refused TLS connection")
}

func unprovenSays(err error) (reason, remedy string) {
	if refusedTLS(err) {
		return "it has no TLS", "turn TLS on at the database server (ssl = on), or, where nobody can listen on the way, add sslmode=disable to the address (store in callboard.yaml)"
	}
	why := err
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		why = bad.Err
	}
	reason, remedy = "its certificate: "+why.Error(), "give the database server a certificate that is good now, and look at the clocks of both computers"
	if _, ok := errors.AsType[x509.UnknownAuthorityError](why); ok {
		remedy = "name the certificate of the authority that signed it in the address (store in callboard.yaml): sslrootcert=/path/ca.pem"
	}
	if _, ok := errors.AsType[x509.HostnameError](why); ok {
		remedy = "name the server in the address (store in callboard.yaml) as its certificate does, or give it a certificate with this name"
	}
	return reason, remedy
}
