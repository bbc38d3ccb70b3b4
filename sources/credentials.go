package sources

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Credentials are what a repository's host is shown, and how it is reached and known. They are for the host of one repository's
// URL and are sent to no other. Formatting or logging them never shows what is secret. They can be compared by ==.
type Credentials struct {
	// Username and Password are for HTTP basic authentication. Of a deploy key, Password is the passphrase.
	Username string
	Password string
	// BearerToken is sent in place of Username and Password.
	BearerToken string
	// Identity is a private key for SSH, as PEM: a deploy key.
	Identity string
	// KnownHosts are the keys of the hosts that may be asked over SSH, as ssh_config(5) has them in UserKnownHostsFile.
	KnownHosts string
	// CA are the certificates, as PEM, of authorities that are trusted in place of the system's.
	CA string
	// Proxy is the URL of an http, https or socks5 proxy; empty for the one of the environment.
	Proxy string
}

// The keys of a Secret with credentials. They are those that Flux reads, and that of a proxy.
const (
	usernameKey    = "username"
	passwordKey    = "password"
	bearerTokenKey = "bearerToken"
	identityKey    = "identity"
	knownHostsKey  = "known_hosts"
	caKey          = "ca.crt"
	proxyKey       = "proxy"
)

// field is the field of a key.
func (c *Credentials) fields() map[string]*string {
	return map[string]*string{
		usernameKey:    &c.Username,
		passwordKey:    &c.Password,
		bearerTokenKey: &c.BearerToken,
		identityKey:    &c.Identity,
		knownHostsKey:  &c.KnownHosts,
		caKey:          &c.CA,
		proxyKey:       &c.Proxy,
	}
}

// maxSecret bounds each value of the credentials, in bytes.
const maxSecret = 64 << 10

// CredentialsFrom reads the data of a Secret: username and password, or bearerToken; identity, known_hosts and (the passphrase)
// password; ca.crt; proxy. Others are left alone. What cannot be used is an ErrInvalid that names the key and not the value.
func CredentialsFrom(data map[string][]byte) (*Credentials, error) {
	c := &Credentials{}
	for key, field := range c.fields() {
		value, there := data[key]
		if !there {
			continue
		}
		if len(value) > maxSecret {
			return nil, failf(ErrInvalid, nil, "%s is larger than %s", key, size(maxSecret))
		}
		*field = string(value)
		if key != identityKey && key != knownHostsKey && key != caKey {
			*field = strings.TrimRight(*field, "\r\n") // as editors leave it
		}
	}
	return c, c.check()
}

// ReadCredentials reads them from a directory where a Secret is mounted. A missing file is a missing key.
func ReadCredentials(dir string) (*Credentials, error) {
	data := map[string][]byte{}
	for key := range (&Credentials{}).fields() {
		value, err := readSecret(filepath.Join(dir, key))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the repository's credentials: %w", err)
		}
		data[key] = value
	}
	if len(data) == 0 {
		return nil, failf(ErrInvalid, nil, "the Secret with the repository's credentials has none of the keys that are read")
	}
	return CredentialsFrom(data)
}

func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSecret+1))
}

func (c *Credentials) check() error {
	if *c == (Credentials{}) {
		return failf(ErrInvalid, nil, "it has none of the keys %s, %s, %s, %s, %s, %s and %s",
			usernameKey, passwordKey, bearerTokenKey, identityKey, knownHostsKey, caKey, proxyKey)
	}
	for _, value := range []string{c.Username, c.Password, c.BearerToken} {
		if strings.ContainsAny(value, "\r\n\x00") {
			return failf(ErrInvalid, nil, "%s, %s and %s must be one line each", usernameKey, passwordKey, bearerTokenKey)
		}
	}
	if c.CA != "" {
		if _, err := c.authorities(); err != nil {
			return err
		}
	}
	if c.Identity != "" {
		if err := c.checkIdentity(); err != nil {
			return err
		}
		if _, err := parseKnownHosts(c.KnownHosts); err != nil {
			return err
		}
	}
	_, err := c.proxy()
	return err
}

// overHTTP says whether there is something to send to a host over HTTP.
func (c *Credentials) overHTTP() bool {
	return c.Username != "" || c.Password != "" || c.BearerToken != ""
}

// authorize puts into a request what its host is to be shown.
func (c *Credentials) authorize(r *http.Request) {
	switch {
	case c.BearerToken != "":
		r.Header.Set("Authorization", "Bearer "+c.BearerToken)
	case c.Identity == "" && c.overHTTP(): // else the password is a passphrase
		r.SetBasicAuth(c.Username, c.Password)
	}
}

// authorities are those of CA.
func (c *Credentials) authorities() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, failf(ErrInvalid, nil, "%s holds no certificate in PEM", caKey)
	}
	return pool, nil
}

// proxy is the URL of Proxy, nil when there is none.
func (c *Credentials) proxy() (*url.URL, error) {
	if c == nil || c.Proxy == "" {
		return nil, nil
	}
	u, err := url.Parse(c.Proxy)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5") {
		// The parse error repeats the URL, which may hold a password.
		return nil, failf(ErrInvalid, nil, "%s is not the URL of a proxy: write http://, https:// or socks5:// and its host", proxyKey)
	}
	return u, nil
}

// checkIdentity does not decrypt the key: that takes long, so that passphrases are hard to guess.
func (c *Credentials) checkIdentity() error {
	_, err := ssh.ParsePrivateKey([]byte(c.Identity))
	if !encrypted(err) {
		return identityError(err)
	}
	if c.Password == "" {
		return failf(ErrInvalid, nil, "%s is encrypted: put its passphrase under %s", identityKey, passwordKey)
	}
	return nil
}

// signer is the private key of Identity.
func (c *Credentials) signer() (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey([]byte(c.Identity))
	if !encrypted(err) {
		return signer, identityError(err)
	}
	signer, err = ssh.ParsePrivateKeyWithPassphrase([]byte(c.Identity), []byte(c.Password))
	if err != nil {
		return nil, failf(ErrInvalid, nil, "%s, the deploy key, cannot be decrypted with the passphrase under %s", identityKey, passwordKey)
	}
	return signer, nil
}

func encrypted(err error) bool {
	var missing *ssh.PassphraseMissingError
	return errors.As(err, &missing)
}

// identityError does not wrap its cause, which may repeat what it could not read.
func identityError(err error) error {
	if err == nil {
		return nil
	}
	return failf(ErrInvalid, nil, "%s is not a private key in PEM (as ssh-keygen writes it)", identityKey)
}

// String names the user and hides what is secret.
func (c Credentials) String() string { return c.Username + ":***" }

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue names the user and hides what is secret.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String, so that no encoder writes what is secret.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
