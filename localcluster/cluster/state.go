package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/toolforge/toolforged/localcluster/host"
)

// stateFile holds the digest of what the running cluster was started from.
const stateFile = host.RunDir + "/digest"

// digest names the cluster by everything that makes it behave as it does: this
// binary, where its state is, its ports, its configuration files.
func (c Config) digest(rendered map[string][]byte) (string, error) {
	sum := sha256.New()
	binary, err := os.Open(c.Program)
	if err != nil {
		return "", fmt.Errorf("reading the cluster's binary: %w", err)
	}
	defer binary.Close()
	if _, err := io.Copy(sum, binary); err != nil {
		return "", fmt.Errorf("reading the cluster's binary: %w", err)
	}
	fmt.Fprintf(sum, "%+v", c)
	for _, place := range slices.Sorted(maps.Keys(rendered)) {
		fmt.Fprintf(sum, "%s\x00%s\x00", place, rendered[place])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func runningDigest() string {
	text, err := os.ReadFile(stateFile)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// lockFile keeps two starts or stops from working at once.
const lockFile = "/run/toolforged-local.lock"

// lock waits until no other start or stop is under way on this machine.
func lock(out io.Writer) (unlock func(), err error) {
	file, err := os.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock (this has to be run as root): %w", err)
	}
	fd := int(file.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		fmt.Fprintln(out, "==> waiting for another start or stop of a local cluster to end")
		if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
			return nil, fmt.Errorf("waiting for the lock: %w", err)
		}
	}
	return func() { _ = file.Close() }, nil
}
