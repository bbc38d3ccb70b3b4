package signed

import (
	"bytes"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// verifySSH checks a signature of the format PROTOCOL.sshsig.
func (k Keys) verifySSH(s Signature, now time.Time) (Signer, error) {
	signature, err := sshsig.Unarmor(s.armored)
	if err != nil {
		return Signer{}, refuse("its SSH signature cannot be read")
	}
	print := ssh.FingerprintSHA256(signature.PublicKey)
	if signature.Namespace != namespace {
		return Signer{}, refuse("its SSH signature was made for %q, not for git", clean(signature.Namespace))
	}
	if signature.Signature.Format == ssh.KeyAlgoRSA {
		return Signer{}, refuse("its signature by SSH key %s is made with SHA-1, which is too weak", print)
	}
	if k.revoked[print] {
		return Signer{}, refuse("it is signed by SSH key %s, which was revoked", print)
	}
	why := refuse("it is signed by SSH key %s, which is none of the keys that count here", print)
	for _, key := range k.ssh {
		if !bytes.Equal(key.public.Marshal(), signature.PublicKey.Marshal()) {
			continue
		}
		if why = key.usableAt(now, print); why != nil {
			continue
		}
		if sshsig.Verify(bytes.NewReader(s.payload), signature, key.public, signature.HashAlgorithm, namespace) != nil {
			return Signer{}, refuse("its signature by SSH key %s does not fit it: it was changed after it was signed", print)
		}
		return Signer{Name: clean(key.name), Key: print}, nil
	}
	return Signer{}, why
}

// usableAt says why a key does not count at a time; nil when it does.
func (k sshKey) usableAt(now time.Time, print string) error {
	switch {
	case !k.covers():
		return refuse("it is signed by SSH key %s, which may not sign in git", print)
	case !k.until.IsZero() && !now.Before(k.until):
		return refuse("it is signed by SSH key %s, which has expired (valid-before %s)", print, k.until.Format(time.DateOnly))
	case now.Before(k.from):
		return refuse("it is signed by SSH key %s, which does not count yet (valid-after %s)", print, k.from.Format(time.DateOnly))
	}
	return nil
}
