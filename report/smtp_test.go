package report

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// sink is a real SMTP server that keeps what it gets.
type sink struct {
	address  string
	password string
	// trusted has the server's certificate.
	trusted *x509.CertPool
	mu      sync.Mutex
	refuse  error
	mails   []received
}

type received struct {
	from string
	to   []string
	data string
}

// startSink starts one; with a password it wants that of the user toolforged, and only after STARTTLS.
func startSink(t *testing.T, password string) *sink {
	t.Helper()
	s := &sink{password: password}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{sink: s}, nil }))
	server.ErrorLog = discard{}
	if password != "" {
		own := certificate(t)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}}
		s.trusted = x509.NewCertPool()
		s.trusted.AddCert(own.Leaf)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// certificate is one that no client trusts but who is told to.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

type session struct {
	sink *sink
	mail received
	in   bool
}

func (s *session) AuthMechanisms() []string {
	if s.sink.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "toolforged" || password != s.sink.password {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if s.sink.refuse != nil {
		return s.sink.refuse
	}
	if s.sink.password != "" && !s.in {
		return smtp.ErrAuthRequired
	}
	s.mail.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.data = string(data)
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.mails = append(s.sink.mails, s.mail)
	return nil
}

func (s *session) Reset()        { s.mail = received{} }
func (s *session) Logout() error { return nil }

func (s *sink) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

var news = Message{ID: "0123@toolforged", Tool: "wiki", Subject: "[toolforge] wiki: tick: the run failed", Text: "Zeile eins: ü\n.\nthe end\n"}

func (s *sink) settings() SMTP {
	return SMTP{Address: s.address, PlainText: true, From: "toolforged@example.org", To: "tools.%s@example.org"}
}

func TestSend(t *testing.T) {
	s := startSink(t, "")
	if err := s.settings().Send(t.Context(), news); err != nil {
		t.Fatal(err)
	}
	got := s.got()
	if len(got) != 1 || got[0].from != "toolforged@example.org" || len(got[0].to) != 1 || got[0].to[0] != "tools.wiki@example.org" {
		t.Fatalf("the server got %+v", got)
	}
	message, err := mail.ReadMessage(strings.NewReader(got[0].data))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"From": "<toolforged@example.org>", "To": "<tools.wiki@example.org>", "Message-Id": "<0123@toolforged>",
		"Subject": news.Subject, "Auto-Submitted": "auto-generated",
	} {
		if got := message.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.ReplaceAll(string(body), "\r\n", "\n"); !strings.Contains(text, "=C3=BC") || !strings.Contains(text, "\nthe end\n") {
		t.Errorf("the text is %q", text)
	}
}

// What others wrote cannot add a header, nor a second mail.
func TestHeadersCannotBeForged(t *testing.T) {
	s := startSink(t, "")
	forged := compose("wiki", []event{{key: "1", job: "tick", what: "failed\r\nBcc: everybody@example.org\r\n\r\nfree\x00 mon\u202eey"}}, 0, "")
	if strings.ContainsAny(forged.Subject, "\r\n\x00") {
		t.Errorf("the subject is %q", forged.Subject)
	}
	forged.Subject = "a\r\nBcc: everybody@example.org"
	if err := s.settings().Send(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	message, err := mail.ReadMessage(strings.NewReader(s.got()[0].data))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.got()) != 1 || len(s.got()[0].to) != 1 || message.Header.Get("Bcc") != "" {
		t.Errorf("the server got %+v", s.got())
	}
}

func TestSendWithTLSAndPassword(t *testing.T) {
	s := startSink(t, "correct horse")
	settings := s.settings()
	settings.PlainText = false
	settings.Credentials = t.TempDir()
	// The server's certificate is nobody's: nothing goes to it.
	write := func(username, password string) {
		for name, value := range map[string]string{"username": username, "password": password + "\n"} {
			if err := os.WriteFile(filepath.Join(settings.Credentials, name), []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("toolforged", "correct horse")
	if err := settings.Send(t.Context(), news); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server that cannot prove who it is: %v", err)
	}
	settings.trusted = s.trusted
	write("toolforged", "wrong")
	err := settings.Send(t.Context(), news)
	if err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("with a wrong password: %v", err)
	}
	write("toolforged", "correct horse")
	if err := settings.Send(t.Context(), news); err != nil {
		t.Fatal(err)
	}
	if len(s.got()) != 1 {
		t.Errorf("the server got %d mails", len(s.got()))
	}
	// A server without STARTTLS gets nothing.
	plain := startSink(t, "")
	settings = plain.settings()
	settings.PlainText = false
	if err := settings.Send(t.Context(), news); err == nil || len(plain.got()) > 0 {
		t.Errorf("without TLS the server got %d mails: %v", len(plain.got()), err)
	}
}

func TestSMTPCheck(t *testing.T) {
	good := SMTP{Address: "mail.example:25", From: "Toolforge <noreply@example.org>", To: "tools.%s@example.org"}
	if err := good.Check(); err != nil {
		t.Errorf("%+v: %v", good, err)
	}
	for what, change := range map[string]func(*SMTP){
		"the SMTP server's address is":  func(s *SMTP) { s.Address = "mail.example" },
		"it must be host:port":          func(s *SMTP) { s.Address = "mail.example:smtp" },
		"the sender's address is":       func(s *SMTP) { s.From = "nobody" },
		"it must have %s once":          func(s *SMTP) { s.To = "tools@example.org" },
		"the maintainers' address is":   func(s *SMTP) { s.To = "%s" },
		"once, for the tool's name":     func(s *SMTP) { s.To = "%s.%d@example.org" },
		"\"a@example.org\\r\\nBcc: b@c": func(s *SMTP) { s.From = "a@example.org\r\nBcc: b@c" },
	} {
		wrong := good
		change(&wrong)
		if err := wrong.Check(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: %v, want %s", wrong, err, what)
		}
	}
}
