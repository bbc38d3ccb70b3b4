package platform

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"

	"golang.org/x/crypto/ssh"
)

// SSHGit is the git server's repositories over SSH, for whoever has the deploy key. What is pushed to them is fetched when
// they are asked.
type SSHGit struct {
	platform *Platform
	listener net.Listener
	config   *ssh.ServerConfig
	dir      string
	mirror   sync.Mutex

	// Identity is the deploy key, as PEM. HostKey is the server's, as a line of known_hosts has it after the host.
	Identity, HostKey string
}

// ServeSSH starts one at an address, host:port.
func (p *Platform) ServeSSH(address string) (*SSHGit, error) {
	s := &SSHGit{platform: p}
	host, hostKey, err := newSSHKey()
	if err != nil {
		return nil, err
	}
	identity, deployKey, err := newSSHKey()
	if err != nil {
		return nil, err
	}
	s.Identity, s.HostKey = identity, string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(hostKey)))
	signer, err := ssh.ParsePrivateKey([]byte(host))
	if err != nil {
		return nil, fmt.Errorf("read the key that was made: %w", err)
	}
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), deployKey.Marshal()) {
			return nil, errors.New("not the deploy key")
		}
		return nil, nil
	}}
	s.config.AddHostKey(signer)
	if s.dir, err = os.MkdirTemp("", "ssh-git-"); err != nil {
		return nil, fmt.Errorf("make a directory for repositories: %w", err)
	}
	if s.listener, err = net.Listen("tcp", address); err != nil {
		return nil, fmt.Errorf("serve git over SSH: %w", err)
	}
	go s.serve()
	return s, nil
}

// Close ends it for new connections.
func (s *SSHGit) Close() error {
	err := s.listener.Close()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func newSSHKey() (private string, public ssh.PublicKey, err error) {
	publicKey, privateKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", nil, fmt.Errorf("make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(privateKey, "")
	if err != nil {
		return "", nil, fmt.Errorf("encode a key: %w", err)
	}
	public, err = ssh.NewPublicKey(publicKey)
	return string(pem.EncodeToMemory(block)), public, err
}

func (s *SSHGit) serve() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return // closed
		}
		go s.connection(conn)
	}
}

func (s *SSHGit) connection(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go s.session(channel, requests)
	}
}

func (s *SSHGit) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	var protocol string
	for request := range requests {
		if request.WantReply {
			_ = request.Reply(request.Type == "exec" || request.Type == "env", nil)
		}
		switch request.Type {
		case "env":
			var variable struct{ Name, Value string }
			if ssh.Unmarshal(request.Payload, &variable) == nil && variable.Name == "GIT_PROTOCOL" {
				protocol = variable.Value
			}
		case "exec":
			var command struct{ Command string }
			_ = ssh.Unmarshal(request.Payload, &command)
			go func() {
				status := uint32(0)
				if err := s.run(channel, command.Command, protocol); err != nil {
					fmt.Fprintln(channel.Stderr(), err)
					status = 1
				}
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
				_ = channel.Close()
			}()
		}
	}
}

var uploadPack = regexp.MustCompile(`^git-upload-pack '/([a-z0-9][a-z0-9-]*)\.git'$`)

// run brings the mirror up to date and has git answer.
func (s *SSHGit) run(channel io.ReadWriter, command, protocol string) error {
	match := uploadPack.FindStringSubmatch(command)
	if match == nil {
		return errors.New("not a command that is known")
	}
	dir, err := s.updated(match[1])
	if err != nil {
		return err
	}
	git := exec.Command("git", "upload-pack", dir)
	git.Env = append(os.Environ(), append(author, "GIT_PROTOCOL="+protocol)...)
	git.Stdin, git.Stdout = io.NopCloser(channel), channel
	if err := git.Run(); err != nil {
		return fmt.Errorf("git upload-pack: %w", err)
	}
	return nil
}

// updated is the mirror of a repository.
func (s *SSHGit) updated(name string) (dir string, err error) {
	s.mirror.Lock()
	defer s.mirror.Unlock()
	dir = filepath.Join(s.dir, name+".git")
	run := func(arguments ...string) error {
		command := exec.CommandContext(context.Background(), "git", arguments...)
		command.Env = append(os.Environ(), author...)
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("no such repository: %w: %s", err, out)
		}
		return nil
	}
	if _, err := os.Stat(dir); err != nil {
		if err := run("init", "--quiet", "--bare", "--initial-branch=main", dir); err != nil {
			return "", err
		}
		if err := run("-C", dir, "config", "uploadpack.allowFilter", "true"); err != nil {
			return "", err
		}
	}
	return dir, run("-C", dir, "fetch", "--quiet", "--prune", s.platform.GitPush+"/"+name+".git", "+refs/*:refs/*")
}
