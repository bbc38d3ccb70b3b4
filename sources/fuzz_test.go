package sources

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

func FuzzReadRefs(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add([]byte(packets(id+" refs/heads/main", "")))
	f.Add([]byte(packets(id+" refs/tags/main peeled:"+id, id+" HEAD symref-target:refs/heads/main", "")))
	f.Add([]byte(packets("unborn HEAD symref-target:refs/heads/main", "")))
	f.Add([]byte(packets("ERR no", "")))
	f.Add([]byte("0000"))
	f.Add([]byte("0003ffff0001"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readRefs(newPacketReader(bytes.NewReader(data)), []string{"refs/heads/main", "refs/tags/main"})
		if got != "" && (err != nil || !isCommitID(got)) {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func FuzzReadAdvertisement(f *testing.F) {
	id, other := strings.Repeat("a", 40), strings.Repeat("b", 40)
	f.Add([]byte(packets("version 2", "agent=git/2.39.5", "ls-refs=unborn", "fetch=shallow wait-for-done filter", "object-format=sha1", "")))
	f.Add([]byte(packets("# service=git-upload-pack", "", "version 2", "fetch", "")))
	f.Add([]byte(packets("version 2", "object-format=sha256", "")))
	f.Add([]byte(packets(id+" HEAD\x00side-band-64k shallow filter", id+" refs/heads/main", other+" refs/tags/main", id+" refs/tags/main^{}", "shallow "+id, "")))
	f.Add([]byte(packets("# service=git-upload-pack", "", "version 1", id+" refs/heads/main\x00ofs-delta object-format=sha1", "")))
	f.Add([]byte(packets(strings.Repeat("0", 40)+" capabilities^{}\x00no-progress", "")))
	f.Add([]byte(packets("# service=git-upload-pack", "", "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		scan := scanFor([]string{"refs/heads/main", "refs/tags/main"})
		scan.tips, scan.commit = true, id
		got, err := readAdvertisement(newPacketReader(bytes.NewReader(data)), scan)
		if err != nil && errors.Is(err, io.EOF) {
			t.Error("an early end is taken for a proper one")
		}
		if err == nil && (got.filter || got.shallow) && !got.fetch {
			t.Errorf("got %+v", got)
		}
		for _, found := range append(scan.ids, scan.found, scan.holder) {
			if found != "" && !isCommitID(found) {
				t.Errorf("found %q", found)
			}
		}
		if len(scan.ids) > maxTips {
			t.Errorf("%d tips", len(scan.ids))
		}
	})
}

func FuzzKnownHosts(f *testing.F) {
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	f.Add("forge.example,[10.0.0.1]:2222 "+key, "forge.example:22")
	f.Add("*.example,!bad.example "+key, "bad.example:22")
	f.Add("|1|JfKTdBh7rNbXkVAQCRp4OQoPfmI=|USECr3SWf1JUPsms5AqfD5QfxkM= "+key, "host:22")
	f.Add("@revoked * "+key+"\n@cert-authority * "+key, "[::1]:22")
	f.Fuzz(func(t *testing.T, text, address string) {
		known, err := parseKnownHosts(text)
		if err != nil {
			return
		}
		keys, _ := known.of(address)
		if len(keys) > len(known) || len(known) > maxKnownHosts {
			t.Errorf("%d keys of %d lines", len(keys), len(known))
		}
	})
}

// What can be read of a Secret can be used, and is not shown.
func FuzzCredentials(f *testing.F) {
	f.Add("me", "s3cretword", "token", "", "", "", "http://me:s3cretword@proxy.example:3128")
	f.Add("", "", "", "-----BEGIN OPENSSH PRIVATE KEY-----", "forge.example ssh-ed25519 x", "-----BEGIN CERTIFICATE-----", "socks5://[::1]")
	f.Fuzz(func(t *testing.T, username, password, token, identity, hosts, ca, proxy string) {
		c, err := CredentialsFrom(map[string][]byte{usernameKey: []byte(username), passwordKey: []byte(password), bearerTokenKey: []byte(token),
			identityKey: []byte(identity), knownHostsKey: []byte(hosts), caKey: []byte(ca), proxyKey: []byte(proxy)})
		if err != nil {
			return
		}
		if strings.ContainsAny(c.Username+c.Password+c.BearerToken, "\r\n") {
			t.Error("a header could be added")
		}
		if by, err := c.proxy(); err != nil || by != nil && by.Hostname() == "" {
			t.Errorf("the proxy is %v, %v", by, err)
		}
	})
}

func FuzzFetchAnswer(f *testing.F) {
	sideband := func(data []byte) string {
		var w packetWriter
		w.line("\x01%s", data[:len(data)-1])
		return w.String()
	}
	good := pack(packObject(3, 4, "", []byte("base")), packObject(7, 7, baseID, []byte("\x04\x06\x90\x04\x02!!")))
	f.Add([]byte(packets("packfile") + sideband(good) + "0000"))
	f.Add([]byte(packets("shallow-info", "shallow "+strings.Repeat("a", 40)) + "0001" + packets("packfile") + sideband(good) + "0000"))
	f.Add([]byte(packets("packfile") + "0007\x02ab" + "0007\x03no"))
	f.Add([]byte(packets("ERR upload-pack: not our ref x")))
	f.Add([]byte(packets("shallow "+strings.Repeat("a", 40), "", "NAK") + sideband(good) + "0000"))
	f.Add(append([]byte(packets("", "NAK")), good...))
	f.Add([]byte(packets("packfile") + sideband(pack(packObject(6, 4, "\x05", []byte("\x04\x04\x90\x04")))) + "0000"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, to := range []capabilities{{version: 2}, {version: 1, sideband: true}, {version: 0}} {
			r, err := openPack(newPacketReader(bytes.NewReader(data)), fetchRequest{shallow: true}, to)
			if err == nil {
				fuzzUnpack(t, r)
			}
		}
	})
}

func FuzzUnpack(f *testing.F) {
	base := packObject(3, 4, "", []byte("base"))
	f.Add(pack(base))
	f.Add(pack(packObject(7, 7, baseID, []byte("\x04\x06\x90\x04\x02!!")), base))
	f.Add(pack(base, packObject(6, 7, string([]byte{byte(len(base))}), []byte("\x04\x06\x90\x04\x02!!"))))
	f.Add(pack(packObject(2, 33, "", []byte("40000 a\x00aaaaaaaaaaaaaaaaaaaa"))))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzUnpack(t, bytes.NewReader(data)) })
}

func fuzzUnpack(t *testing.T, r io.Reader) {
	store, bounds := memoryStore{}, testLimits()
	_ = unpack(t.Context(), r, store, bounds)
	total := int64(0)
	for id, o := range store {
		total += int64(len(o.data))
		if plumbing.ComputeHash(o.kind, o.data) != id {
			t.Error("an object is kept under an id that is not its own")
		}
	}
	if len(store) > bounds.objects || total > bounds.unpacked {
		t.Errorf("%d objects, %d bytes are over the bounds", len(store), total)
	}
}

func FuzzReadTree(f *testing.F) {
	f.Add([]byte("100644 a\x00aaaaaaaaaaaaaaaaaaaa40000 b\x00bbbbbbbbbbbbbbbbbbbb"))
	f.Add([]byte("100644 a\x00aaaaaaaaaaaaaaaaaaa"))
	f.Add([]byte("99 \x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var kept []byte
		err := readTree(data, func(e treeEntry) bool {
			kept = append(kept, e.raw...)
			return true
		})
		if err == nil && !bytes.Equal(kept, data) {
			t.Error("the entries are not the tree")
		}
		_, _ = treeOf(data)
	})
}

func FuzzCheckLink(f *testing.F) {
	f.Add("a/b", "../c")
	f.Add("a", "../c")
	f.Add("a/b/c", "../.././d/")
	f.Fuzz(func(t *testing.T, at, target string) {
		if checkLink(at, target) != nil || strings.HasPrefix(at, "/") {
			return
		}
		depth := strings.Count(at, "/")
		for name := range strings.SplitSeq(target, "/") {
			if name == ".." {
				depth--
			}
		}
		if depth < 0 || strings.HasPrefix(target, "/") {
			t.Errorf("%q at %q leads out", target, at)
		}
	})
}

// A host that is taken for a name or an address is read the same again, and what a URL writes as an address that is not
// public is refused.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"forge.example", "127.0.0.1", "１２７．０。0.1", "127.1", "0x7f.1", "::ffff:7f00:1", "fe80::1%eth0", "bücher.example.", "a..", "ß.example"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, err := canonicalHost(host)
		if err != nil {
			return
		}
		if again, err := canonicalHost(name); err != nil || again != name {
			t.Fatalf("%q is %q, and then %q, %v", host, name, again, err)
		}
		address, err := netip.ParseAddr(host)
		if err != nil || notPublic(destination(address)) == "" {
			return
		}
		u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, "80"), Path: "/"}
		if err := (Allowed{}).mayAsk(Repository{URL: "http://forge.example/tool"}, u); !errors.Is(err, ErrNotAllowed) {
			t.Fatalf("%q may be asked: %v", host, err)
		}
	})
}
