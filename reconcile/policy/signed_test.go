package policy

import (
	"strings"
	"testing"
)

func TestSignedCommits(t *testing.T) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGB9zrV8pFY1zQ1hcIiQ9YyU9zTzWZ9J2bX8R2k0yQpB ann"
	for file, want := range map[string]int{
		"{}":                                     -1,
		"signedCommits: {keys: []}\n":            0,
		"signedCommits: {keys: [" + key + "]}\n": 1,
		"signedCommits:\n  keys:\n  - " + key + "\n": 1,
	} {
		p, err := Parse([]byte(file))
		switch {
		case err != nil:
			t.Errorf("%q: %v", file, err)
		case (p.Signers == nil) != (want < 0), p.Signers != nil && p.Signers.Len() != want:
			t.Errorf("%q: keys %+v; want %d", file, p.Signers, want)
		}
	}
	if _, err := Parse([]byte("signedCommits: {keys: [ssh-ed25519 AAAA]}\n")); err == nil || !strings.Contains(err.Error(), "signedCommits: keys[0], line 1: this is no public key") {
		t.Errorf("a wrong key: %v", err)
	}
}
