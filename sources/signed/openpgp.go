package signed

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// addPGP reads one armored block of public keys.
func (k *Keys) addPGP(block []byte) error {
	armored, err := armor.Decode(bytes.NewReader(block))
	switch {
	case err != nil:
		return fmt.Errorf("the OpenPGP key cannot be read: %w", err)
	case armored.Type == openpgp.PrivateKeyType:
		return errPrivate
	case armored.Type != openpgp.PublicKeyType:
		return fmt.Errorf("this is a %q, not a public key", clean(armored.Type))
	}
	ring, err := readRing(armored.Body)
	if err != nil {
		return fmt.Errorf("the OpenPGP key cannot be read: %w", err)
	}
	k.ring = append(k.ring, ring...)
	return nil
}

// readRing survives what the library panics on: a key is a stranger's in the fuzz test, and an administrator's mistake elsewhere.
func readRing(r io.Reader) (ring openpgp.EntityList, err error) {
	defer func() {
		if recover() != nil {
			err = errUnreadable
		}
	}()
	return openpgp.ReadKeyRing(r)
}

var errUnreadable = errors.New("it is damaged")

// verifyPGP checks a detached OpenPGP signature.
func (k Keys) verifyPGP(s Signature, now time.Time) (Signer, error) {
	signature, entity, err := checkPGP(k.ring, s, now)
	if err != nil && entity == nil {
		switch {
		case errors.Is(err, pgperrors.ErrUnknownIssuer):
			return Signer{}, refuse("it is signed by %s, which is none of the keys that count here", issuer(s))
		case isDamage(err):
			return Signer{}, refuse("its OpenPGP signature cannot be read")
		}
		return Signer{}, refuse("its signature by %s does not fit it: it was changed after it was signed", issuer(s))
	}
	print := fingerprint(entity)
	switch {
	case errors.Is(err, pgperrors.ErrKeyRevoked), k.revoked[print]:
		return Signer{}, refuse("it is signed by OpenPGP key %s, which was revoked", print)
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return Signer{}, refuse("it is signed by OpenPGP key %s, which has expired", print)
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return Signer{}, refuse("its signature by OpenPGP key %s has expired, or is from the future", print)
	case err != nil:
		return Signer{}, refuse("its signature by OpenPGP key %s is not accepted", print)
	case weak(signature.Hash):
		return Signer{}, refuse("its signature by OpenPGP key %s is made with %s, which is too weak", print, signature.Hash)
	}
	signer := Signer{Key: print}
	if identity := entity.PrimaryIdentity(); identity != nil {
		signer.Name = clean(identity.Name)
	}
	return signer, nil
}

// checkPGP survives what the library panics on.
func checkPGP(ring openpgp.EntityList, s Signature, now time.Time) (signature *packet.Signature, entity *openpgp.Entity, err error) {
	defer func() {
		if recover() != nil {
			signature, entity, err = nil, nil, errUnreadable
		}
	}()
	body, err := signatureBody(s)
	if err != nil {
		return nil, nil, errUnreadable
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	return openpgp.VerifyDetachedSignature(ring, bytes.NewReader(s.payload), body, config)
}

func signatureBody(s Signature) (io.Reader, error) {
	block, err := armor.Decode(bytes.NewReader(s.armored))
	if err != nil || block.Type != openpgp.SignatureType {
		return nil, errUnreadable
	}
	return block.Body, nil
}

func isDamage(err error) bool {
	var structural pgperrors.StructuralError
	var unsupported pgperrors.UnsupportedError
	return errors.Is(err, errUnreadable) || errors.As(err, &structural) || errors.As(err, &unsupported) || errors.Is(err, io.ErrUnexpectedEOF)
}

// issuer names the key that a signature says it is made with.
func issuer(s Signature) string {
	if body, err := signatureBody(s); err == nil {
		if p, err := packet.Read(body); err == nil {
			if signature, ok := p.(*packet.Signature); ok && signature.IssuerKeyId != nil {
				return fmt.Sprintf("OpenPGP key %016X", *signature.IssuerKeyId)
			}
		}
	}
	return "an OpenPGP key"
}

// weak tells of hashes of which two texts with the same can be made.
func weak(hash crypto.Hash) bool {
	switch hash {
	case crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA3_256, crypto.SHA3_512:
		return false
	}
	return true
}

func fingerprint(entity *openpgp.Entity) string {
	return fmt.Sprintf("%X", entity.PrimaryKey.Fingerprint)
}
