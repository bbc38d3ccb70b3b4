package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Mailbox is an SMTP server that keeps the mail that it gets.
type Mailbox struct {
	server *smtp.Server
	mu     sync.Mutex
	mails  []Mail
}

// Mail is one mail: whom it is to, its subject and its text.
type Mail struct {
	To            []string
	Subject, Text string
}

// Receive starts a Mailbox at an address, host:port.
func Receive(address string) (*Mailbox, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("receive mail: %w", err)
	}
	b := &Mailbox{}
	b.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: b}, nil }))
	b.server.MaxMessageBytes = maxBody
	go func() { _ = b.server.Serve(listener) }() // until Close
	return b, nil
}

// Close ends it.
func (b *Mailbox) Close() error { return b.server.Close() }

// Await waits for a mail to an address whose subject or text matches.
func (b *Mailbox) Await(ctx context.Context, to string, pattern *regexp.Regexp) (Mail, error) {
	var found Mail
	err := wait.PollUntilContextCancel(ctx, look, true, func(context.Context) (bool, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		at := slices.IndexFunc(b.mails, func(m Mail) bool {
			return slices.Contains(m.To, to) && (pattern.MatchString(m.Subject) || pattern.MatchString(m.Text))
		})
		if at >= 0 {
			found = b.mails[at]
		}
		return at >= 0, nil
	})
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		return found, fmt.Errorf("no mail to %s has %q; there are: %+v: %w", to, pattern, b.mails, err)
	}
	return found, nil
}

type mailSession struct {
	box *Mailbox
	to  []string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if encoding := message.Header.Get("Content-Transfer-Encoding"); encoding != "quoted-printable" {
		return errors.New("the encoding is " + encoding)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(message.Body))
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mails = append(s.box.mails, Mail{s.to, message.Header.Get("Subject"), strings.ReplaceAll(string(text), "\r\n", "\n")})
	return nil
}

func (s *mailSession) Reset()        { s.to = nil }
func (s *mailSession) Logout() error { return nil }
