package seal

import (
	"errors"

	"filippo.io/age"
)

// Identity is a tool's key pair.
type Identity struct{ pair *age.X25519Identity }

// NewIdentity makes a key pair, at random.
func NewIdentity() (*Identity, error) {
	pair, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	return &Identity{pair}, nil
}

// ParseIdentity reads what Text wrote, or the line of that kind that age-keygen prints.
func ParseIdentity(text string) (*Identity, error) {
	pair, err := age.ParseX25519Identity(text)
	if err != nil {
		// What the library says may hold a part of the key.
		return nil, errors.New("it is no key of the form AGE-SECRET-KEY-1…")
	}
	return &Identity{pair}, nil
}

// Text is the private key: AGE-SECRET-KEY-1….
func (i *Identity) Text() string { return i.pair.String() }

// PublicKey is what others encrypt for: age1….
func (i *Identity) PublicKey() string { return i.pair.Recipient().String() }
