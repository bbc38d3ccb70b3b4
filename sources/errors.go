package sources

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"unicode"
)

// What went wrong, for errors.Is. Each error of this package wraps one of these (or fs.ErrNotExist, for a path that a
// commit does not have) and has a message that tells a maintainer what to change; that of ErrNotAllowed tells an
// administrator too.
var (
	ErrInvalid        = errors.New("invalid repository or ref")
	ErrNotAllowed     = errors.New("the platform does not allow this server")
	ErrNotFound       = errors.New("repository not found")
	ErrAuthentication = errors.New("authentication needed or refused")
	ErrNoRef          = errors.New("ref does not exist")
	ErrNoCommit       = errors.New("commit does not exist")
	ErrUnreachable    = errors.New("host cannot be reached")
	ErrProtocol       = errors.New("not a git server that can be understood")
	ErrTooLarge       = errors.New("too large")
	ErrContent        = errors.New("the commit holds something that cannot be used")
)

// failure is an error with a message for a maintainer, of one of the kinds above.
type failure struct {
	kind    error
	cause   error
	message string
}

func (f *failure) Error() string { return f.message }

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// failf is an error of that kind. The message says everything a reader needs: the cause is for errors.Is alone,
// because its text may change from one attempt to the next (ports, times) or hold a URL as the server wrote it.
func failf(kind, cause error, format string, args ...any) error {
	return &failure{kind: kind, cause: cause, message: fmt.Sprintf(format, args...)}
}

// Mendable says whether err is one that the maintainer of a repository can mend, rather than trouble of a network, a
// server or this side, which may pass.
func Mendable(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.kind != ErrUnreachable
}

// unreachable gives a transport error a stable message without addresses of its own side.
func unreachable(repo Repository, err error) error {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("asking %s: %w", displayURL(repo.URL), context.Canceled)
	}
	return failf(ErrUnreachable, err, "cannot reach %s: %s", displayURL(repo.URL), transportReason(err))
}

func transportReason(err error) string {
	if reason := certificateReason(err); reason != "" {
		return reason
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the host " + dns.Name + " has no address"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "the server did not answer in time"
	case errors.As(err, &dns):
		return "the address of " + dns.Name + " cannot be looked up now"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE):
		return "the server closed the connection in the middle"
	}
	return printable(innermost(err).Error())
}

func certificateReason(err error) string {
	var invalid x509.CertificateInvalidError
	var hostname x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has expired or is not valid yet"
	case errors.As(err, &hostname):
		return "the server's certificate is for another name"
	case errors.As(err, &unknown):
		return "the server's certificate is signed by an authority that is not trusted"
	case errors.As(err, &verification):
		return "the server's certificate is not valid"
	}
	return ""
}

// innermost strips the wrappers whose text holds URLs or local addresses.
func innermost(err error) error {
	for {
		var op *net.OpError
		var u *url.Error
		switch {
		case errors.As(err, &u) && u.Err != nil:
			err = u.Err
		case errors.As(err, &op) && op.Err != nil:
			err = op.Err
		default:
			return err
		}
	}
}

// printable makes text from outside fit for one line of a status: at most 200 characters, none of them control.
func printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	clean = strings.TrimSpace(clean)
	if runes := []rune(clean); len(runes) > 200 {
		clean = string(runes[:200]) + "…"
	}
	return clean
}
