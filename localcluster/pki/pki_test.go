package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string, at time.Time) *Authority {
	t.Helper()
	a, err := Open(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func leaf(t *testing.T, pair Pair) *x509.Certificate {
	t.Helper()
	if _, err := tls.X509KeyPair(pair.Cert, pair.Key); err != nil {
		t.Fatalf("certificate and key do not belong together: %v", err)
	}
	block, _ := pem.Decode(pair.Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func roots(a *Authority) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CertPEM())
	return pool
}

func TestClient(t *testing.T) {
	a := open(t, t.TempDir(), now)
	pair, err := a.Client("admin", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	cert := leaf(t, pair)
	if cert.Subject.CommonName != "admin" || len(cert.Subject.Organization) != 1 || cert.Subject.Organization[0] != "system:masters" {
		t.Errorf("the subject is %v", cert.Subject)
	}
	verify := func(usage x509.ExtKeyUsage, at time.Time) error {
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots(a), CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	if err := verify(x509.ExtKeyUsageClientAuth, now); err != nil {
		t.Error(err)
	}
	if verify(x509.ExtKeyUsageServerAuth, now) == nil {
		t.Error("a client's certificate is good for a server")
	}
	if verify(x509.ExtKeyUsageClientAuth, now.Add(leafLife+time.Hour)) == nil {
		t.Error("it never ends")
	}
}

func TestServer(t *testing.T) {
	a := open(t, t.TempDir(), now)
	pair, err := a.Server("api", []string{"kubernetes.default"}, []net.IP{net.ParseIP("10.96.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	cert := leaf(t, pair)
	for host, good := range map[string]bool{"kubernetes.default": true, "10.96.0.1": true, "elsewhere": false, "10.96.0.2": false} {
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots(a), CurrentTime: now, DNSName: host})
		if (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAuthorityIsKeptUntilItEnds(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, now)
	if again := open(t, dir, now.Add(24*time.Hour)); string(again.CertPEM()) != string(first.CertPEM()) {
		t.Error("the next day's authority is another")
	}
	if later := open(t, dir, now.Add(authorityLife-renewBefore+time.Hour)); string(later.CertPEM()) == string(first.CertPEM()) {
		t.Error("an authority that ends before what it signs is still used")
	}
}

func TestBrokenAuthority(t *testing.T) {
	for name, breakIt := range map[string]func(dir string) error{
		"not PEM": func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o644) },
		"another's key": func(dir string) error {
			_, key, _ := newKey()
			return os.WriteFile(filepath.Join(dir, "ca.key"), key, 0o600)
		},
		"not a key":       func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.key"), certPEM([]byte("x")), 0o600) },
		"not certificate": func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.crt"), certPEM([]byte("x")), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			open(t, dir, now)
			if err := breakIt(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, now); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestHalfWrittenAuthorityIsReplaced(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, now)
	if err := os.Remove(filepath.Join(dir, "ca.crt")); err != nil {
		t.Fatal(err)
	}
	open(t, dir, now)
}

func TestSigningKeyIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	first, err := SigningKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := SigningKey(path)
	if err != nil || string(again) != string(first) {
		t.Errorf("the second time it is another: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
