package sources

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"path"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// knownHosts are the lines of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
type knownHosts []knownHost

type knownHost struct {
	marker   string // "", "revoked" or "cert-authority"
	patterns []string
	key      ssh.PublicKey
}

// maxKnownHosts bounds the lines that are read.
const maxKnownHosts = 1000

// parseKnownHosts reads the file; a line that cannot be read is a mistake, because a host that it names would be refused.
func parseKnownHosts(text string) (knownHosts, error) {
	var known knownHosts
	rest := []byte(text)
	for {
		marker, hosts, key, _, next, err := ssh.ParseKnownHosts(rest)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, failf(ErrInvalid, nil, "%s has a line that cannot be read, after %d good ones: write what ssh-keyscan prints", knownHostsKey, len(known))
		}
		if len(known) >= maxKnownHosts {
			return nil, failf(ErrInvalid, nil, "%s has more than %d lines", knownHostsKey, maxKnownHosts)
		}
		known = append(known, knownHost{marker, hosts, key})
		rest = next
	}
	if len(known) == 0 {
		return nil, failf(ErrInvalid, nil, "%s is missing or empty: a repository over SSH is asked only when the host's key is known; put there what ssh-keyscan prints", knownHostsKey)
	}
	return known, nil
}

// of are the keys that the host at this address (host:port) may have.
func (k knownHosts) of(address string) (keys []ssh.PublicKey, authorities bool) {
	for _, line := range k {
		if !line.matches(address) || line.marker == "revoked" {
			continue
		}
		authorities = authorities || line.marker == "cert-authority"
		if line.marker == "" {
			keys = append(keys, line.key)
		}
	}
	return keys, authorities
}

// revoked says whether a line says that no host has this key.
func (k knownHosts) revoked(key ssh.PublicKey) bool {
	return slices.ContainsFunc(k, func(line knownHost) bool {
		return line.marker == "revoked" && bytes.Equal(line.key.Marshal(), key.Marshal())
	})
}

// algorithms are those by which the host may prove one of these keys.
func algorithms(keys []ssh.PublicKey) []string {
	var names []string
	for _, key := range keys {
		if key.Type() == ssh.KeyAlgoRSA {
			names = append(names, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		names = append(names, key.Type())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (k knownHost) matches(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	name := strings.ToLower(host)
	if port != "22" {
		name = "[" + name + "]:" + port
	}
	found := false
	for _, pattern := range k.patterns {
		negated := strings.HasPrefix(pattern, "!")
		if !hostMatches(strings.TrimPrefix(pattern, "!"), name) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// hostMatches compares a name with one pattern: one with * and ?, or a hash of the name.
func hostMatches(pattern, name string) bool {
	if hashed, ok := strings.CutPrefix(pattern, "|1|"); ok {
		salt, sum, _ := strings.Cut(hashed, "|")
		key, err := base64.StdEncoding.DecodeString(salt)
		if err != nil {
			return false
		}
		mac := hmac.New(sha1.New, key)
		mac.Write([]byte(name))
		return base64.StdEncoding.EncodeToString(mac.Sum(nil)) == sum
	}
	pattern = strings.ToLower(pattern)
	if pattern == name {
		return true
	}
	// Brackets are for ports here, not for classes of characters.
	escaped := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(pattern)
	matched, err := path.Match(escaped, name)
	return err == nil && matched
}
