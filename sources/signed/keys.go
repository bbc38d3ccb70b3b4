package signed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"golang.org/x/crypto/ssh"
)

// Bounds of what keys are read from.
const (
	maxKeyBytes = 1 << 20
	maxKeys     = 1000
)

// File is one file of public keys.
type File struct {
	// Name names the file in errors. The keys of one whose name begins with "revoked" are refused, whatever the others say.
	Name string
	Data []byte
}

// Keys are the public keys whose signatures count. The zero value has none.
type Keys struct {
	ssh     []sshKey
	ring    openpgp.EntityList
	revoked map[string]bool // by fingerprint
}

// Len counts the keys.
func (k Keys) Len() int { return len(k.ssh) + len(k.ring) }

// ParseKeys reads public keys. A file holds any number of OpenPGP keys in armor, and of SSH keys, one a line: as in
// authorized_keys (`ssh-ed25519 AAAA… name`), or as in ssh-keygen's allowed_signers, with principals before it and the options
// namespaces, valid-after and valid-before (UTC). Empty lines and those that begin with # are skipped.
//
// An error names the file and the line.
func ParseKeys(files []File) (Keys, error) {
	keys := Keys{revoked: map[string]bool{}}
	size := 0
	for _, file := range files {
		if size += len(file.Data); size > maxKeyBytes {
			return Keys{}, fmt.Errorf("%s: the keys are larger than 1 MiB in all", file.Name)
		}
		var found Keys
		if err := found.read(file); err != nil {
			return Keys{}, err
		}
		if strings.HasPrefix(file.Name, "revoked") {
			keys.revoke(found)
			continue
		}
		keys.ssh = append(keys.ssh, found.ssh...)
		keys.ring = append(keys.ring, found.ring...)
		if keys.Len() > maxKeys {
			return Keys{}, fmt.Errorf("%s: there are more than %d keys", file.Name, maxKeys)
		}
	}
	return keys, nil
}

// revoke refuses what was found.
func (k *Keys) revoke(found Keys) {
	for _, key := range found.ssh {
		k.revoked[ssh.FingerprintSHA256(key.public)] = true
	}
	for _, entity := range found.ring {
		k.revoked[fingerprint(entity)] = true
	}
}

const (
	beginPGP = "-----BEGIN PGP "
	endPGP   = "-----END PGP "
)

func (k *Keys) read(file File) error {
	var block []byte // of armor, from its first line on
	begun := 0
	number := 0
	for line := range bytes.SplitSeq(file.Data, []byte("\n")) {
		number++
		text := strings.TrimSpace(string(line))
		if block == nil && strings.HasPrefix(text, beginPGP) {
			block, begun = []byte{}, number
		}
		var err error
		switch {
		case block != nil:
			block = append(append(block, text...), '\n')
			if strings.HasPrefix(text, endPGP) {
				err = k.addPGP(block)
				number, block = begun, nil
			}
		case text == "" || strings.HasPrefix(text, "#"):
		default:
			err = k.addSSH(text)
		}
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", file.Name, number, err)
		}
	}
	if block != nil {
		return fmt.Errorf("%s, line %d: the OpenPGP key has no end: the line that begins with %q is missing", file.Name, begun, endPGP)
	}
	return nil
}

var errPrivate = errors.New("this is a private key: only public keys belong here")
