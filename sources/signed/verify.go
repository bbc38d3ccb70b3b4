package signed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Why a commit is not deployed, for errors.Is.
var (
	// ErrUnsigned: it has no signature.
	ErrUnsigned = errors.New("it is not signed")
	// ErrRefused: it has one that does not count.
	ErrRefused = errors.New("its signature does not count")
)

// Signer is who signed a commit.
type Signer struct {
	// Name is what the keys' file or the key itself says: an SSH key's principals or comment, an OpenPGP key's user id.
	Name string
	// Key is the fingerprint: SHA256:… of an SSH key, hexadecimal digits of an OpenPGP key.
	Key string
}

// String is the name and the fingerprint.
func (s Signer) String() string {
	if s.Name == "" {
		return s.Key
	}
	return s.Name + " (" + s.Key + ")"
}

// Verify says who signed a commit. The error is ErrUnsigned, or ErrRefused with the reason, as the end of a sentence about the
// commit. Now is when the keys must hold.
func (k Keys) Verify(s Signature, now time.Time) (Signer, error) {
	switch {
	case s.Missing():
		return Signer{}, ErrUnsigned
	case s.wrong != "":
		return Signer{}, refuse("%s", s.wrong)
	case bytes.HasPrefix(s.armored, []byte("-----BEGIN SSH SIGNATURE-----")):
		return k.verifySSH(s, now)
	case bytes.HasPrefix(s.armored, []byte("-----BEGIN PGP SIGNATURE-----")):
		return k.verifyPGP(s, now)
	}
	return Signer{}, refuse("its signature is neither SSH's nor OpenPGP's (git: gpg.format)")
}

// refusal is an error that is ErrRefused.
type refusal struct{ message string }

func (r *refusal) Error() string { return r.message }

func (r *refusal) Unwrap() error { return ErrRefused }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// clean makes text from outside fit for one line: at most 100 characters, none of them control.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 100 {
		text = string(runes[:99]) + "…"
	}
	return text
}
