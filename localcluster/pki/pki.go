// Package pki knows how to make the certificates and keys of one local
// cluster: an authority that is kept, and certificates signed by it that are
// made anew at every start. It does not know who uses them.
// The entry point is [Open].
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 2 * 365 * 24 * time.Hour
	// renewBefore is how long before its end an authority is replaced.
	renewBefore = leafLife
	// clockSkew lets a certificate hold a little before it was made.
	clockSkew = time.Hour
)

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	now  time.Time
}

// Pair is a certificate and its private key, both PEM.
type Pair struct{ Cert, Key []byte }

// Open reads the authority kept in dir as ca.crt and ca.key, or makes one and
// keeps it there when there is none or it ends within two years. Certificates
// it signs are valid from an hour before now until two years after it.
func Open(dir string, now time.Time) (*Authority, error) {
	a, err := read(dir)
	if err == nil && a.cert.NotAfter.Sub(now) > renewBefore {
		a.now = now
		return a, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the authority in %s (remove it to get a new one): %w", dir, err)
	}
	return create(dir, now)
}

// CertPEM is the authority's own certificate.
func (a *Authority) CertPEM() []byte { return certPEM(a.cert.Raw) }

// Client makes the certificate of a client. Kubernetes reads name as the user
// and groups as the groups it is in.
func (a *Authority) Client(name string, groups ...string) (Pair, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// Server makes the certificate of a server that is reached by names and ips.
// It is good as a client's certificate too, as etcd wants it.
func (a *Authority) Server(name string, names []string, ips []net.IP) (Pair, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    names,
		IPAddresses: ips,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// SigningKey returns the private key kept in the file at path, PEM, and makes
// it when there is none.
func SigningKey(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	_, data, err = newKey()
	if err != nil {
		return nil, err
	}
	return data, os.WriteFile(path, data, 0o600)
}

func (a *Authority) sign(template *x509.Certificate) (Pair, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	raw, err := issue(template, a.cert, key.Public(), a.key, a.now, leafLife)
	if err != nil {
		return Pair{}, fmt.Errorf("signing the certificate of %s: %w", template.Subject.CommonName, err)
	}
	return Pair{Cert: certPEM(raw), Key: keyPEM}, nil
}

func create(dir string, now time.Time) (*Authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "toolforged local cluster"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	raw, err := issue(template, template, key.Public(), key, now, authorityLife)
	if err != nil {
		return nil, fmt.Errorf("signing the authority: %w", err)
	}
	// The key goes first: a certificate without its key would be an error at
	// the next start, a key without its certificate is replaced.
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), keyPEM, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), certPEM(raw), 0o644); err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(raw)
	return &Authority{cert: cert, key: key, now: now}, err
}

func read(dir string) (*Authority, error) {
	certBytes, err := readPEM(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	keyBytes, err := readPEM(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(certBytes)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParseECPrivateKey(keyBytes)
	if err != nil {
		return nil, err
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("ca.key is not the key of ca.crt")
	}
	return &Authority{cert: cert, key: key}, nil
}

func readPEM(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s is not PEM", path)
	}
	return block.Bytes, nil
}

func issue(template, parent *x509.Certificate, pub crypto.PublicKey, signer crypto.Signer, now time.Time, life time.Duration) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = now.Add(-clockSkew)
	template.NotAfter = now.Add(life)
	return x509.CreateCertificate(rand.Reader, template, parent, pub, signer)
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding a key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func certPEM(raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}
