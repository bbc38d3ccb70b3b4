package webhook

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// anyHost is the name of the file with the secrets that hold for every host.
	anyHost = "default"
	// readAgain is how long what was read of a directory is used.
	readAgain = 10 * time.Second
	// shortest is the least length of a secret, in bytes; maxSecrets bounds how many there may be, maxFile the bytes of one
	// file.
	shortest   = 16
	maxSecrets = 100
	maxFile    = 64 << 10
)

// Secret is what a forge and toolforged know. It is not shown by formatting it.
type Secret struct {
	// Host is whose it is: webhooks that it verifies count for repositories there alone. Empty is for all.
	Host  string
	value []byte
}

// NewSecret makes a secret for a host, in lower case, or for all.
func NewSecret(host, value string) Secret {
	return Secret{Host: strings.ToLower(host), value: []byte(value)}
}

// String tells whose it is.
func (s Secret) String() string { return "secret of " + s.Host }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Directory reads secrets from files, as a mounted Kubernetes Secret has them: the file of a host's name holds those of
// the host, "default" those that are for all; one a line, so that there are two while one is being replaced. Changes are
// seen after at most 10 s. It is safe for concurrent use.
type Directory struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	mu   sync.Mutex
	read time.Time
	list []Secret
}

// NewDirectory reads the directory; the error names what cannot be used.
func NewDirectory(path string, now func() time.Time, log *slog.Logger) (*Directory, error) {
	d := &Directory{path: path, now: now, log: log}
	var err error
	d.list, err = readSecrets(path)
	d.read = now()
	return d, err
}

// Secrets are those that are in force. When they cannot be read, those are that could be last.
func (d *Directory) Secrets() []Secret {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); now.Sub(d.read) >= readAgain {
		d.read = now
		list, err := readSecrets(d.path)
		if err != nil {
			d.log.Error("the secrets of webhooks cannot be read", "error", err)
			return d.list
		}
		d.list = list
	}
	return d.list
}

func readSecrets(path string) ([]Secret, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of webhooks: %w", err)
	}
	var list []Secret
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || entry.IsDir() {
			continue // how Kubernetes replaces them all at once
		}
		found, err := readSecretFile(filepath.Join(path, name))
		if err != nil {
			return nil, err
		}
		host := name
		if name == anyHost {
			host = ""
		}
		for _, value := range found {
			list = append(list, NewSecret(host, value))
		}
	}
	if len(list) > maxSecrets {
		return nil, fmt.Errorf("there are %d secrets of webhooks in %s: at most %d can be used", len(list), path, maxSecrets)
	}
	return list, nil
}

func readSecretFile(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the secrets of webhooks: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the secrets of webhooks: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("the file %s with secrets of webhooks has more than %d bytes", path, maxFile)
	}
	var values []string
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
		case len(line) < shortest:
			return nil, fmt.Errorf("a secret of webhooks in %s is shorter than %d bytes", path, shortest)
		default:
			values = append(values, string(line))
		}
	}
	return values, nil
}
