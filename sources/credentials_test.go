package sources

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestCredentialsFrom(t *testing.T) {
	identity, hostKey := newKey(t)
	encrypted := encryptedKey(t, "open sesame")
	known := "forge.example " + knownKeyText(hostKey)
	for name, test := range map[string]struct {
		data map[string]string
		says string // "" for none
	}{
		"password":                 {map[string]string{"username": "me\n", "password": "s3cret\n"}, ""},
		"token":                    {map[string]string{"bearerToken": "s3cret"}, ""},
		"deploy key":               {map[string]string{"identity": identity, "known_hosts": known, "identity.pub": "left alone"}, ""},
		"encrypted key":            {map[string]string{"identity": encrypted, "known_hosts": known, "password": "open sesame\n"}, ""},
		"proxy":                    {map[string]string{"proxy": "http://me:s3cret@proxy.example:3128"}, ""},
		"nothing":                  {map[string]string{"token": "s3cret"}, "none of the keys"},
		"two lines":                {map[string]string{"password": "s3cret\nX-Header: y"}, "one line"},
		"no passphrase":            {map[string]string{"identity": encrypted, "known_hosts": known}, "is encrypted: put its passphrase under password"},
		"a public key":             {map[string]string{"identity": knownKeyText(hostKey), "known_hosts": known}, "is not a private key"},
		"no known_hosts":           {map[string]string{"identity": identity}, "known_hosts is missing or empty"},
		"known_hosts of no format": {map[string]string{"identity": identity, "known_hosts": known + "forge.example ssh-ed25519 !s3cret!"}, "known_hosts has a line that cannot be read, after 1 good"},
		"no certificate":           {map[string]string{"ca.crt": "s3cret"}, "ca.crt holds no certificate"},
		"proxy of another scheme":  {map[string]string{"proxy": "ftp://me:s3cret@proxy.example"}, "proxy is not the URL"},
		"proxy that is none":       {map[string]string{"proxy": "http://me:s3cret@pro xy"}, "proxy is not the URL"},
		"large":                    {map[string]string{"identity": strings.Repeat("x", maxSecret+1)}, "identity is larger than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			data, dir := map[string][]byte{}, t.TempDir()
			for key, value := range test.data {
				data[key] = []byte(value)
				if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := CredentialsFrom(data)
			if (err == nil) != (test.says == "") || err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			if read, readErr := ReadCredentials(dir); (err == nil) != (readErr == nil) || err == nil && *read != *got {
				t.Errorf("of files: %v", readErr)
			}
		})
	}
}

func encryptedKey(t *testing.T, passphrase string) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func TestPassphrase(t *testing.T) {
	c := &Credentials{Identity: encryptedKey(t, "open sesame"), Password: "open sesame"}
	if _, err := c.signer(); err != nil {
		t.Error(err)
	}
	c.Password = "s3cret"
	if _, err := c.signer(); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "cannot be decrypted") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func TestKnownHosts(t *testing.T) {
	_, a := newKey(t)
	_, b := newKey(t)
	known, err := parseKnownHosts("# a comment\n\nforge.example,10.1.2.3 " + knownKeyText(a) + "[forge.example]:2222 " + knownKeyText(b) +
		"*.wild.example,!bad.wild.example " + knownKeyText(a) + "@cert-authority ca.example " + knownKeyText(a) +
		"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= " + knownKeyText(b)) // 192.168.1.61, of golang.org/x/crypto's tests
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]int{
		"forge.example:22": 1, "FORGE.example:22": 1, "forge.example:2222": 1, "forge.example:2223": 0, "10.1.2.3:22": 1, "a.wild.example:22": 1,
		"bad.wild.example:22": 0, "wild.example:22": 0, "other.example:22": 0, "ca.example:22": 0, "192.168.1.61:22": 1, "192.168.1.62:22": 0,
	} {
		if keys, _ := known.of(address); len(keys) != want {
			t.Errorf("%s: %d keys, want %d", address, len(keys), want)
		}
	}
	if _, authorities := known.of("ca.example:22"); !authorities {
		t.Error("an authority is not seen")
	}
}

func TestBearerToken(t *testing.T) {
	repo := newGitServer(t, func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer s3cret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			git.ServeHTTP(w, r)
		})
	}).create(t, "tool")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a"})
	client := newLocalClient(ClientOptions{})
	repo.credentials = &Credentials{BearerToken: "s3cret"}
	checkReads2(t, client, repo, commit)
	repo.credentials = &Credentials{BearerToken: "hunter2"}
	if _, err := client.Resolve(t.Context(), repo.at("main")); !errors.Is(err, ErrAuthentication) || !strings.Contains(err.Error(), "does not accept the token") {
		t.Errorf("got %v", err)
	}
}

// checkReads2 resolves and checks out.
func checkReads2(t *testing.T, client *Client, repo *testRepo, commit string) {
	t.Helper()
	if got, err := client.Resolve(t.Context(), repo.at("main")); err != nil || got != commit {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := client.Checkout(t.Context(), repo.at("main"), commit, t.TempDir(), CheckoutOptions{}); err != nil {
		t.Error(err)
	}
}

// secure serves a git server's repositories by TLS, and returns the certificate that signs it.
func secure(t *testing.T, git *gitServer) (address, ca string) {
	t.Helper()
	server := httptest.NewUnstartedServer(git.Config.Handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

// The authority of a repository's credentials is for that repository alone.
func TestPrivateAuthority(t *testing.T) {
	git := newGitServer(t)
	repo := git.create(t, "tool")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a"})
	address, ca := secure(t, git)
	repo.url = address + "/tool"
	client := newLocalClient(ClientOptions{})
	repo.credentials = &Credentials{CA: ca}
	for range 2 {
		checkReads2(t, client, repo, commit)
	}
	if len(client.transports.byWay) != 1 {
		t.Errorf("%d transports", len(client.transports.byWay))
	}
	repo.credentials = nil
	if _, err := client.Resolve(t.Context(), repo.at("main")); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("without it: %v", err)
	}
}

// proxyServer is an HTTP proxy that wants a password, and leads everywhere to where it is told.
type proxyServer struct {
	*httptest.Server
	used atomic.Int32
}

func newProxy(t *testing.T, to string) *proxyServer {
	t.Helper()
	p := &proxyServer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth(); user != "me" || password != "s3cret" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		p.used.Add(1)
		if r.Method != http.MethodConnect {
			t.Errorf("%s %s", r.Method, r.URL)
			return
		}
		there, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		here, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, buffered); _ = there.Close() }()
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *proxyServer) with(c Credentials, userinfo string) *Credentials {
	c.Proxy = strings.Replace(p.URL, "://", "://"+userinfo, 1)
	return &c
}

// By a proxy, over TLS and SSH. Names are looked up by the proxy.
func TestProxyOfCredentials(t *testing.T) {
	git := newGitServer(t)
	overTLS := git.create(t, "tool")
	address, ca := secure(t, git)
	sshd := newSSHServer(t, acceptProtocol)
	overSSH := sshd.create(t, "tool")
	overSSH.url = strings.Replace(overSSH.url, "127.0.0.1:"+sshd.port, "forge.example", 1)
	overTLS.url = "https://example.com/tool" // a name in the certificate of httptest
	for repo, test := range map[*testRepo]struct {
		to          string
		credentials Credentials
	}{
		overTLS: {strings.TrimPrefix(address, "https://"), Credentials{CA: ca}},
		overSSH: {"127.0.0.1:" + sshd.port, Credentials{Identity: sshd.identity, KnownHosts: "forge.example " + knownKeyText(sshd.hostKey)}},
	} {
		commit := repo.commit(map[string]string{"toolforge.yaml": "a"})
		proxy := newProxy(t, test.to)
		repo.credentials = proxy.with(test.credentials, "me:s3cret@")
		client := newLocalClient(ClientOptions{})
		checkReads2(t, client, repo, commit)
		if proxy.used.Load() == 0 {
			t.Errorf("%s: the proxy was not asked", repo.url)
		}
		repo.credentials = proxy.with(test.credentials, "me:hunter2@")
		if _, err := client.Resolve(t.Context(), repo.at("main")); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s, with a wrong password: %v", repo.url, err)
		}
		// A proxy that a Secret names has to be at an address that is allowed; so has what a URL says behind it.
		_, err := NewClient(ClientOptions{}).Resolve(t.Context(), repo.at("main"))
		wantRefused(t, err, "its proxy has the address 127.0.0.1")
		repo.url = "ssh://git@169.254.169.254/tool"
		_, err = client.Resolve(t.Context(), repo.at("main"))
		wantRefused(t, err, "link-local")
	}
}

// What is bound to certificates and keys is forgotten when there is much of it.
func TestTransportsAreBounded(t *testing.T) {
	git := newGitServer(t)
	_, ca := secure(t, git)
	block, _ := pem.Decode([]byte(ca))
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		t.Fatal(err)
	}
	client := newLocalClient(ClientOptions{})
	for i := range maxTransports + 10 {
		if _, err := client.transports.of(&Credentials{CA: ca + strings.Repeat("\n", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(client.transports.byWay); n != maxTransports {
		t.Errorf("%d are kept", n)
	}
}
