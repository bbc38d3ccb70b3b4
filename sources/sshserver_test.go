package sources

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshServer is Debian's sshd, on a port of 127.0.0.1, whose repositories one deploy key may read.
type sshServer struct {
	root, port string
	hostKey    ssh.PublicKey
	identity   string
	user       string
}

// newSSHServer starts one. Settings are lines of sshd_config: without "AcceptEnv GIT_PROTOCOL" git speaks version 0.
// SHLVL keeps bash from reading the .bashrc of whoever runs the tests.
func newSSHServer(t testing.TB, settings ...string) *sshServer {
	t.Helper()
	sshd := debianProgram(t, "/usr/sbin/sshd", "openssh-server")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &sshServer{root: filepath.Join(dir, "repositories"), user: me.Username}
	hostPEM, hostKey := newKey(t)
	identity, deployKey := newKey(t)
	s.hostKey, s.identity = hostKey, identity
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, d := range []string{s.root, "/run/sshd"} { // the latter is where sshd wants to be chrooted to
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	config := append([]string{
		"ListenAddress 127.0.0.1:" + s.port,
		"HostKey " + write("host", hostPEM),
		"AuthorizedKeysFile " + write("authorized_keys", string(ssh.MarshalAuthorizedKey(deployKey))),
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password",
		"SetEnv SHLVL=1 GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*",
	}, settings...)
	cmd := exec.Command(sshd, "-D", "-e", "-f", write("config", strings.Join(config, "\n")+"\n"))
	logged, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = logged
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if text, err := os.ReadFile(logged.Name()); err == nil && t.Failed() {
			t.Logf("sshd says:\n%s", text)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = conn.Close()
			return s
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(logged.Name())
			t.Fatalf("sshd does not start: %v\n%s", err, text)
		}
	}
}

// debianProgram installs a package when its program is not there.
func debianProgram(t testing.TB, path, name string) string {
	t.Helper()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	t.Logf("installing the Debian package %s", name)
	install := exec.Command("sh", "-c", "apt-get update -qq && apt-get install -y -qq --no-install-recommends "+name)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%s is needed, and cannot be installed: %v\n%s", name, err, out)
	}
	return path
}

// newKey makes a private key as PEM, and its public one.
func newKey(t testing.TB) (string, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), key
}

// create makes an empty repository with the default branch main.
func (s *sshServer) create(t testing.TB, name string) *testRepo {
	t.Helper()
	dir := filepath.Join(s.root, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := &testRepo{t: t, dir: dir, url: fmt.Sprintf("ssh://%s@127.0.0.1:%s%s", s.user, s.port, dir), credentials: s.credentials()}
	r.git("init", "-q", "-b", "main")
	return r
}

// credentials are those of the deploy key, and the server's key.
func (s *sshServer) credentials() *Credentials {
	return &Credentials{Identity: s.identity, KnownHosts: knownHostLine("127.0.0.1", s.port, s.hostKey)}
}

func knownHostLine(host, port string, key ssh.PublicKey) string {
	return "[" + host + "]:" + port + " " + string(ssh.MarshalAuthorizedKey(key))
}
