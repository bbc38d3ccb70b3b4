package report

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// sendTimeout bounds the way to the SMTP server and each exchange with it.
const sendTimeout = 20 * time.Second

// SMTP hands mails to a server.
type SMTP struct {
	// Address of the server: host:port.
	Address string
	// PlainText lets mails and passwords go without TLS. Otherwise STARTTLS is asked for, and nothing goes without it.
	PlainText bool
	// Credentials is a directory with the files username and password; empty when the server asks for none. They are read for
	// each mail.
	Credentials string
	// From is the sender's address, To that of a tool's maintainers, with %s for the tool's name.
	From, To string

	// trusted are the authorities that a test trusts; nil for the system's.
	trusted *x509.CertPool
}

// Check says what is wrong with the settings.
func (s SMTP) Check() error {
	host, port, err := net.SplitHostPort(s.Address)
	if _, wrong := strconv.ParseUint(port, 10, 16); err != nil || host == "" || wrong != nil {
		return fmt.Errorf("the SMTP server's address is %q: it must be host:port", s.Address)
	}
	if strings.Count(s.To, "%s") != 1 || strings.Count(s.To, "%") != 1 {
		return fmt.Errorf("the maintainers' address is %q: it must have %%s once, for the tool's name", s.To)
	}
	_, err = s.message(Message{ID: "1@toolforged", Tool: "tool"})
	return err
}

// Send hands one mail over. An error means that it may or may not have been taken.
func (s SMTP) Send(ctx context.Context, m Message) error {
	message, err := s.message(m)
	if err != nil {
		return err
	}
	server, err := s.server()
	if err != nil {
		return err
	}
	if err := server.DialAndSendWithContext(ctx, message); err != nil {
		return fmt.Errorf("send mail by %s: %w", s.Address, err)
	}
	return nil
}

func (s SMTP) message(m Message) (*mail.Msg, error) {
	message := mail.NewMsg()
	if err := message.From(s.From); err != nil {
		return nil, fmt.Errorf("the sender's address is %q: %w", s.From, err)
	}
	to := strings.Replace(s.To, "%s", m.Tool, 1)
	if err := message.To(to); err != nil {
		return nil, fmt.Errorf("the maintainers' address is %q: %w", to, err)
	}
	message.Subject(m.Subject)
	message.SetMessageIDWithValue(m.ID)
	message.SetDate()
	// Nobody's holiday note is to answer it (RFC 3834, section 5).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(mail.TypeTextPlain, m.Text)
	return message, nil
}

func (s SMTP) server() (*mail.Client, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	policy := mail.TLSMandatory
	if s.PlainText {
		policy = mail.NoTLS
	}
	options := []mail.Option{mail.WithPort(number), mail.WithTLSPolicy(policy), mail.WithTimeout(sendTimeout)}
	options = append(options, mail.WithTLSConfig(&tls.Config{ServerName: host, RootCAs: s.trusted, MinVersion: tls.VersionTLS12}))
	if s.Credentials != "" {
		username, errName := os.ReadFile(filepath.Join(s.Credentials, "username"))
		password, errPassword := os.ReadFile(filepath.Join(s.Credentials, "password"))
		if err := errors.Join(errName, errPassword); err != nil {
			return nil, fmt.Errorf("read the SMTP server's credentials: %w", err)
		}
		kind := mail.SMTPAuthAutoDiscover
		if s.PlainText {
			kind = mail.SMTPAuthPlainNoEnc
		}
		options = append(options, mail.WithSMTPAuth(kind), mail.WithUsername(strings.TrimSpace(string(username))),
			mail.WithPassword(strings.TrimSpace(string(password))))
	}
	return mail.NewClient(host, options...)
}

// Interface guard.
var _ Sender = SMTP{}
