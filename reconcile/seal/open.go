package seal

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	// MaxValue is the most that a value may hold, in bytes.
	MaxValue = 32 << 10
	// MaxRecipients is for how many keys a value may be encrypted at once. Each costs a multiplication to try.
	MaxRecipients = 20
)

// What may be wrong with an encrypted value.
var (
	ErrOtherKey   = errors.New("encrypted for another key")
	ErrPassphrase = errors.New("encrypted with a passphrase")
	ErrRecipients = errors.New("encrypted for too many keys at once")
	ErrOneLine    = errors.New("without its line breaks")
	ErrDamaged    = errors.New("damaged")
	ErrTooLarge   = errors.New("too large")
	ErrBinary     = errors.New("holds bytes that no environment variable can")
)

// Open decrypts a value. The error is one of those above.
//
// A line break at the end of a value of one line is not part of it: echo, editors and the Return key add one.
func Open(identity *Identity, armored string) (string, error) {
	armored = strings.TrimSpace(armored)
	if !strings.Contains(armored, "\n") {
		return "", ErrOneLine
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(armored)), careful{identity.pair})
	if err != nil {
		return "", known(err)
	}
	value, err := io.ReadAll(io.LimitReader(plain, MaxValue+1))
	switch {
	case err != nil:
		return "", ErrDamaged
	case len(value) > MaxValue:
		return "", ErrTooLarge
	case bytes.IndexByte(value, 0) >= 0 || !utf8.Valid(value):
		return "", ErrBinary
	}
	return oneLine(string(value)), nil
}

// oneLine takes the line break off a single line.
func oneLine(value string) string {
	line, ended := strings.CutSuffix(value, "\n")
	if !ended || strings.Contains(line, "\n") {
		return value
	}
	return strings.TrimSuffix(line, "\r")
}

// careful is an identity that looks at what it is asked to try before it computes anything.
type careful struct{ *age.X25519Identity }

// Unwrap finds the file's key among what the file says of its recipients.
func (c careful) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, stanza := range stanzas {
		if stanza.Type == "scrypt" {
			return nil, ErrPassphrase
		}
	}
	if len(stanzas) > MaxRecipients {
		return nil, ErrRecipients
	}
	return c.X25519Identity.Unwrap(stanzas)
}

// known is the error of this package that the library's stands for.
func known(err error) error {
	var other *age.NoIdentityMatchError
	switch {
	case errors.As(err, &other):
		return ErrOtherKey
	case errors.Is(err, ErrPassphrase):
		return ErrPassphrase
	case errors.Is(err, ErrRecipients):
		return ErrRecipients
	}
	return ErrDamaged
}

// Interface guard.
var _ age.Identity = careful{}
