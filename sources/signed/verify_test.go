package signed_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/sources/signed"
)

// then is after everything in testdata was made.
var then = time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func keys(t testing.TB, files ...signed.File) signed.Keys {
	t.Helper()
	parsed, err := signed.ParseKeys(files)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// file is one of testdata, with something before each of its lines.
func file(t testing.TB, name, before string) signed.File {
	return signed.File{Name: name, Data: append([]byte(before), read(t, name)...)}
}

func TestVerify(t *testing.T) {
	allKeys := func(t *testing.T) []signed.File {
		var files []signed.File
		for _, name := range []string{"ssh-ed25519.pub", "ssh-rsa.pub", "ssh-ecdsa.pub", "pgp-ed25519.asc", "pgp-expired.asc",
			"pgp-revoked.asc", "pgp-subkey.asc", "pgp-sha1.asc"} {
			files = append(files, file(t, name, ""))
		}
		return files
	}
	of := func(name, before string) func(*testing.T) []signed.File {
		return func(t *testing.T) []signed.File { return []signed.File{file(t, name, before)} }
	}
	revoked := func(name string) func(*testing.T) []signed.File {
		return func(t *testing.T) []signed.File {
			return append(allKeys(t), signed.File{Name: "revoked_keys", Data: read(t, name)})
		}
	}
	for _, test := range []struct {
		name, commit string
		keys         func(*testing.T) []signed.File
		now          time.Time
		signer, why  string
	}{
		{name: "SSH, ed25519", commit: "ssh-ed25519", signer: "ed25519@example.org (SHA256:"},
		{name: "SSH, RSA", commit: "ssh-rsa", signer: "rsa@example.org (SHA256:"},
		{name: "SSH, ECDSA", commit: "ssh-ecdsa", signer: "ecdsa@example.org (SHA256:"},
		{name: "allowed signers", commit: "ssh-ed25519", keys: of("ssh-ed25519.pub", `ann@example.org,bob@example.org `), signer: "ann@example.org,bob@example.org (SHA256:"},
		{name: "for git", commit: "ssh-ed25519", keys: of("ssh-ed25519.pub", `"ann and bob" namespaces="file,git",valid-after="20260101" `), signer: "ann and bob (SHA256:"},
		{name: "not for git", commit: "ssh-ed25519", keys: of("ssh-ed25519.pub", `ann namespaces="file" `), why: "may not sign in git"},
		{name: "SSH key expired", commit: "ssh-ed25519", keys: of("ssh-ed25519.pub", `ann valid-before="20270601Z" `), why: "has expired (valid-before 2027-06-01)"},
		{name: "SSH key not yet valid", commit: "ssh-ed25519", keys: of("ssh-ed25519.pub", `ann valid-after="202706010001" `), why: "does not count yet"},
		{name: "SSH key revoked", commit: "ssh-ed25519", keys: revoked("ssh-ed25519.pub"), why: "was revoked"},
		{name: "another SSH key", commit: "ssh-ed25519", keys: of("ssh-rsa.pub", ""), why: "is none of the keys that count here"},
		{name: "no keys", commit: "ssh-ed25519", keys: func(*testing.T) []signed.File { return nil }, why: "is none of the keys that count here"},
		{name: "OpenPGP, ed25519", commit: "pgp-ed25519", signer: "pgp-ed25519 <pgp-ed25519@example.org> ("},
		{name: "OpenPGP, subkey", commit: "pgp-subkey", signer: "pgp-subkey <pgp-subkey@example.org> ("},
		{name: "OpenPGP key expired", commit: "pgp-expired", why: "which has expired"},
		{name: "OpenPGP key before it expired", commit: "pgp-expired", now: time.Date(2020, 7, 1, 0, 0, 0, 0, time.UTC), signer: "pgp-expired <"},
		{name: "OpenPGP key revoked", commit: "pgp-revoked", why: "was revoked"},
		{name: "OpenPGP key before it was revoked", commit: "pgp-revoked", keys: of("pgp-before-revocation.asc", ""), signer: "pgp-revoked <"},
		{name: "OpenPGP key revoked by a file", commit: "pgp-ed25519", keys: revoked("pgp-ed25519.asc"), why: "was revoked"},
		{name: "OpenPGP with SHA-1", commit: "pgp-sha1", why: "made with SHA-1, which is too weak"},
		{name: "another OpenPGP key", commit: "pgp-ed25519", keys: of("pgp-subkey.asc", ""), why: "is none of the keys that count here"},
		{name: "unsigned", commit: "unsigned", why: "it is not signed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			files, now := allKeys, then
			if test.keys != nil {
				files = test.keys
			}
			if !test.now.IsZero() {
				now = test.now
			}
			signer, err := keys(t, files(t)...).Verify(signed.Of(read(t, test.commit+".commit")), now)
			switch {
			case test.why == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.why != "" && (err == nil || !strings.Contains(err.Error(), test.why)):
				t.Errorf("signed by %q, error %v; want an error with %q", signer, err, test.why)
			case !strings.HasPrefix(signer.String(), test.signer):
				t.Errorf("signed by %q; want %q", signer, test.signer)
			}
			if err != nil && !errors.Is(err, signed.ErrRefused) && !errors.Is(err, signed.ErrUnsigned) {
				t.Errorf("the error is of no kind: %v", err)
			}
		})
	}
}

// TestEveryByteCounts changes each byte of a signed commit, but of its signature: none of them leaves it signed.
func TestEveryByteCounts(t *testing.T) {
	for _, name := range []string{"ssh-ed25519", "pgp-ed25519"} {
		commit := read(t, name+".commit")
		accepted := keys(t, file(t, "ssh-ed25519.pub", ""), file(t, "pgp-ed25519.asc", ""))
		first, last := bytes.Index(commit, []byte("gpgsig")), bytes.Index(commit, []byte("-----\n\n"))+len("-----")
		for i := range commit {
			if i >= first && i < last {
				continue
			}
			changed := bytes.Clone(commit)
			changed[i] ^= 1
			if signer, err := accepted.Verify(signed.Of(changed), then); err == nil {
				t.Errorf("%s with byte %d changed, %q, is signed by %s", name, i, commit[i], signer)
			}
		}
	}
}

func TestForgedCommits(t *testing.T) {
	ssh, pgp := read(t, "ssh-ed25519.commit"), read(t, "pgp-ed25519.commit")
	accepted := keys(t, file(t, "ssh-ed25519.pub", ""), file(t, "pgp-ed25519.asc", ""))
	signature := func(commit []byte) []byte {
		first, last := bytes.Index(commit, []byte("gpgsig")), bytes.Index(commit, []byte("SIGNATURE-----\n\n"))
		return commit[first : last+len("SIGNATURE-----\n")]
	}
	unsigned := read(t, "unsigned.commit")
	for name, commit := range map[string][]byte{
		"a signature of another commit": bytes.Replace(unsigned, []byte("\n\n"), append([]byte("\n"), append(signature(ssh), '\n')...), 1),
		"two signatures":                bytes.Replace(ssh, []byte("gpgsig"), append(signature(pgp), "gpgsig"...), 1),
		"the signature in the message":  append(bytes.Clone(unsigned), signature(ssh)...),
		"one that has no end":           bytes.Replace(ssh, []byte(" -----END SSH SIGNATURE-----\n"), nil, 1),
		"X.509":                         bytes.ReplaceAll(ssh, []byte("SSH SIGNATURE"), []byte("SIGNED MESSAGE")),
		"larger than is read":           append(bytes.Clone(ssh), make([]byte, signed.MaxCommit)...),
		"nothing":                       nil,
	} {
		if signer, err := accepted.Verify(signed.Of(commit), then); err == nil {
			t.Errorf("%s: signed by %s", name, signer)
		}
	}
}

func TestWrongKeys(t *testing.T) {
	ed25519, rsa := string(read(t, "ssh-ed25519.pub")), string(read(t, "ssh-rsa.pub"))
	_, rsa, _ = strings.Cut(rsa, " ")
	for name, test := range map[string]struct{ file, want string }{
		"no key":           {"\n# a comment\nhello\n", `keys, line 3: this is no public key`},
		"a private key":    {"-----BEGIN OPENSSH PRIVATE KEY-----\n", "line 1: this is a private key"},
		"an OpenPGP one":   {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nxQ==\n-----END PGP PRIVATE KEY BLOCK-----\n", "line 1: this is a private key"},
		"no end":           {ed25519 + "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n", "line 2: the OpenPGP key has no end"},
		"damaged":          {"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxQ==\n-----END PGP PUBLIC KEY BLOCK-----\n", "line 1: the OpenPGP key cannot be read"},
		"an option":        {"ann touch-required " + ed25519, `the option "touch-required" is not known`},
		"an authority":     {"ann cert-authority " + ed25519, "certificates are not supported"},
		"a time":           {`ann valid-before="tomorrow" ` + ed25519, `"tomorrow" is not a time`},
		"another key's":    {"ssh-ed25519 " + rsa, "this is no public key"},
		"too large":        {strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
		"too many":         {strings.Repeat(ed25519, 1001), "more than 1000 keys"},
		"a weak key":       {weakKey, "an RSA key of 1024 bits, which is too weak"},
		"a key like DSA's": {dsaKey, "a DSA key, which is too weak"},
	} {
		if _, err := signed.ParseKeys([]signed.File{{Name: "keys", Data: []byte(test.file)}}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v; want one with %q", name, err, test.want)
		}
	}
}

// FuzzOf reads commits as strangers write them, and checks their signatures.
func FuzzOf(f *testing.F) {
	for _, name := range []string{"ssh-ed25519", "ssh-rsa", "pgp-ed25519", "pgp-subkey", "unsigned"} {
		f.Add(read(f, name+".commit"))
	}
	accepted := keys(f, file(f, "ssh-ed25519.pub", ""), file(f, "ssh-rsa.pub", ""), file(f, "pgp-ed25519.asc", ""), file(f, "pgp-subkey.asc", ""))
	signedOnes := map[string]bool{}
	for _, name := range []string{"ssh-ed25519", "ssh-rsa", "pgp-ed25519", "pgp-subkey"} {
		signedOnes[withoutSignature(read(f, name+".commit"))] = true
	}
	f.Fuzz(func(t *testing.T, commit []byte) {
		signer, err := accepted.Verify(signed.Of(commit), then)
		if err == nil && !signedOnes[withoutSignature(commit)] {
			t.Errorf("signed by %s, who never signed it", signer)
		}
	})
}

// withoutSignature is what stands in a commit beside its signature.
func withoutSignature(commit []byte) string {
	headers, message, _ := strings.Cut(string(commit), "\n\n")
	var kept []string
	in := false
	for _, line := range strings.Split(headers, "\n") {
		in = strings.HasPrefix(line, "gpgsig ") || strings.HasPrefix(line, "gpgsig-sha256") || in && strings.HasPrefix(line, " ")
		if !in && line != "gpgsig" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n") + "\n\n" + message
}

// FuzzParseKeys reads what an administrator may have put into a Secret.
func FuzzParseKeys(f *testing.F) {
	for _, name := range []string{"ssh-ed25519.pub", "pgp-ed25519.asc", "pgp-revoked.asc", "pgp-subkey.asc"} {
		f.Add(read(f, name))
	}
	f.Add([]byte(`"ann and bob" namespaces="git",valid-after="20260101" ` + string(read(f, "ssh-ed25519.pub"))))
	commit := signed.Of(read(f, "pgp-ed25519.commit"))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, err := signed.ParseKeys([]signed.File{{Name: "keys", Data: data}})
		if err == nil {
			_, _ = found.Verify(commit, then)
		}
	})
}

const (
	weakKey = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC4pAAs4fGN4mEEc8WVo4YdGIkya0HlDCGZO3jmrUzLwJN5uWmQ0cM0br8ZloLYfKJEHpqfY4PKloQ73To7lxpNzj0JCKdpJ1ESsZL6qlRspOOUiO1JukoVVwiZCTk5zB2h20s46q9jDjgUFgv6IxGbuoMI1xJDMpSCGSPZ7jewSQ== weak"
	dsaKey  = "ssh-dss AAAAB3NzaC1kc3MAAACBAK8ACtsx9bjv4pqv1IbXHc1HJPN1mZX/Ywl+YQIz2snv2FBELHALacwSeGRHkQHz51+qGQUMF5lcZh07roNF6XCJfCqZg6iNvmyUmxf12RMah6+oNIP/hg8cpYOUUua9UP5dUXL+aOhCWYb3fsq1y7WulyJ398Qpvch/ZVKXF3jjAAAAFQCf0ZAqhIiE+2YkYJAkfpADIjeyNQAAAIAPsCBmurPApTvu7cYYg4kF9oNQP4jDJLvRn0xUGw8fIxjOv++ZaYcbjPq8v1hxpYyWhp8+SOwMDjnZnjJ24Y0xpSQuKlVNUyt+TxLPEasz1LvApCnWoGuamKSOFBvrOTqm4jm/8BmOf872a7jlUG//J7wMB8Xy2WqooZFYxP/zKgAAAIEAoZc7XE7ACSP3I+iNxxoSE0F2SmDXOdbsVpNq0HaIbopg5re8281Ktumc+2eCICkgVJ+P/WHXNeGpX8P/rnrhAj7er57fLfge82sUf3840AEqU4V/i+vi+qynlpPLcyLYLAX24+L6Es8gPZTrJDkGF9pNA4tg5P8iOiSXJEFkwLs= dsa"
)
