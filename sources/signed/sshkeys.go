package signed

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// namespace is the one in which git signs.
const namespace = "git"

// leastRSA is how many bits an RSA key must have.
const leastRSA = 2048

// sshKey is one line of keys.
type sshKey struct {
	public ssh.PublicKey
	// name is the principals, or else the comment.
	name string
	// from and until bound when it counts; the zero time for no bound.
	from, until time.Time
	namespaces  []string // patterns; empty for every one
}

func (k *Keys) addSSH(line string) error {
	key, err := parseSSHKey(line)
	if err != nil {
		return err
	}
	k.ssh = append(k.ssh, key)
	return nil
}

// parseSSHKey reads a line of authorized_keys, or of allowed_signers (ssh-keygen(1), ALLOWED SIGNERS).
func parseSSHKey(line string) (sshKey, error) {
	if strings.HasPrefix(line, "-----BEGIN ") {
		return sshKey{}, errPrivate
	}
	principals := ""
	if !startsWithType(line) {
		var rest string
		principals, rest = cutPrincipals(line)
		line = rest
	}
	public, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return sshKey{}, errors.New("this is no public key: write `ssh-ed25519 AAAA… name`, or a line of ssh-keygen's allowed_signers")
	}
	if err := usable(public); err != nil {
		return sshKey{}, err
	}
	key := sshKey{public: public, name: comment}
	if principals != "" {
		key.name = principals
	}
	for _, option := range options {
		if err := key.option(option); err != nil {
			return sshKey{}, err
		}
	}
	return key, nil
}

// startsWithType tells a line that begins with the key from one with principals before it.
func startsWithType(line string) bool {
	first, _, _ := strings.Cut(line, " ")
	return strings.HasPrefix(first, "ssh-") || strings.HasPrefix(first, "sk-ssh-") || strings.HasPrefix(first, "ecdsa-") ||
		strings.HasPrefix(first, "sk-ecdsa-")
}

// cutPrincipals takes the first word, which may be in quotes.
func cutPrincipals(line string) (principals, rest string) {
	if quoted, found := strings.CutPrefix(line, `"`); found {
		principals, rest, _ = strings.Cut(quoted, `"`)
	} else if i := strings.IndexAny(line, " \t"); i >= 0 {
		principals, rest = line[:i], line[i:]
	}
	return principals, strings.TrimSpace(rest)
}

// usable refuses keys whose signatures prove little.
func usable(public ssh.PublicKey) error {
	switch public.Type() {
	case "ssh-dss":
		return errors.New("this is a DSA key, which is too weak: use ed25519")
	case ssh.KeyAlgoRSA:
		if key, ok := public.(ssh.CryptoPublicKey).CryptoPublicKey().(*rsa.PublicKey); ok && key.N.BitLen() < leastRSA {
			return fmt.Errorf("this is an RSA key of %d bits, which is too weak: use ed25519, or RSA of at least %d bits", key.N.BitLen(), leastRSA)
		}
	}
	if _, certificate := public.(*ssh.Certificate); certificate {
		return errors.New("this is a certificate: certificates are not supported, list the keys themselves")
	}
	return nil
}

func (k *sshKey) option(option string) (err error) {
	name, value, _ := strings.Cut(option, "=")
	value = strings.Trim(value, `"`)
	switch strings.ToLower(name) {
	case "namespaces":
		k.namespaces = strings.Split(value, ",")
	case "valid-after":
		k.from, err = parseTime(value)
	case "valid-before":
		k.until, err = parseTime(value)
	case "cert-authority":
		return errors.New("cert-authority: certificates are not supported, list the keys themselves")
	default:
		return fmt.Errorf("the option %q is not known: there are namespaces, valid-after and valid-before", name)
	}
	return err
}

// parseTime reads ssh-keygen's times: YYYYMMDD[HHMM[SS]][Z], here always UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.Parse(layout, strings.TrimSuffix(text, "Z")); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write YYYYMMDD or YYYYMMDDHHMM, UTC", text)
}

// covers tells whether the key may sign in git's namespace.
func (k sshKey) covers() bool {
	return len(k.namespaces) == 0 || slices.ContainsFunc(k.namespaces, func(pattern string) bool {
		matches, err := path.Match(pattern, namespace)
		return err == nil && matches
	})
}
