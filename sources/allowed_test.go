package sources

import (
	"errors"
	"flag"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		is        string // "" for public
		addresses string
	}{
		{"", "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 172.15.255.255 172.32.0.0"},
		{"", "192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255"},
		{"", "2001:200::1 2606:4700::1111 2a02:ec80:300:ed1a::1 2620:0:861:ed1a::1 ::ffff:1.1.1.1 64:ff9b::1.1.1.1"},
		{"loopback", "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 ::1%lo"},
		{"private", "10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 ::ffff:10.0.0.1 64:ff9b::10.96.0.1 fc00::1 fdff:ffff::1"},
		{"private to a provider's network", "100.64.0.0 100.127.255.255 ::ffff:100.64.0.1 64:ff9b::100.100.100.200"},
		{"link-local", "169.254.0.0 169.254.169.254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe fe80::1 fe80::1%eth0 febf::1"},
		{"unspecified", "0.0.0.0 0.1.2.3 :: ::ffff:0.0.0.0 64:ff9b::"},
		{"multicast", "224.0.0.1 239.255.255.255 ff02::1"},
		{"for documentation", "192.0.2.1 198.51.100.1 203.0.113.255 2001:db8::1 3fff::1"},
		{"for benchmarks", "198.18.0.1 198.19.255.255"},
		{"reserved", "192.0.0.1 192.88.99.1 240.0.0.1 255.255.255.255 2001::1 2001:2::1 2001:1ff::1 2002:7f00:1::1"},
		{"reserved", "::2 ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b:1::127.0.0.1 100::1 4000::1 5f00::1 fec0::1 fbff::1"},
	} {
		for text := range strings.FieldsSeq(test.addresses) {
			address := netip.MustParseAddr(text)
			err := Allowed{}.address(address)
			var refused *refusedAddress
			if (err == nil) != (test.is == "") || errors.As(err, &refused) && refused.what != test.is {
				t.Errorf("%s: %v, want %q", text, err, test.is)
			}
			all := Allowed{Addresses: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
			if err := all.address(address); err != nil {
				t.Errorf("%s, where all are allowed: %v", text, err)
			}
		}
	}
}

func TestAllowedAddresses(t *testing.T) {
	allowed := parsed(t, "-git-addresses=10.88.0.1, 192.168.0.0/24,fd00:1::/32")
	for text, want := range map[string]bool{
		"10.88.0.1": true, "::ffff:10.88.0.1": true, "64:ff9b::10.88.0.1": true, "192.168.0.255": true, "fd00:1:2::3": true, "fd00:1::1%eth0": true,
		"10.88.0.2": false, "10.88.0.0": false, "192.168.1.0": false, "fd00:2::1": false, "127.0.0.1": false, "169.254.169.254": false,
		"8.8.8.8": true,
	} {
		if err := allowed.address(netip.MustParseAddr(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAllowedHosts(t *testing.T) {
	allowed := parsed(t, "-git-hosts=Forge.example., *.gitlab.example,bücher.example,10.1.2.3,[fd00::1]")
	for host, want := range map[string]bool{
		"forge.example": true, "FORGE.example": true, "forge.example.": true, "a.gitlab.example": true, "a.b.gitlab.example": true,
		"xn--bcher-kva.example": true, "BÜCHER.example": true, "10.1.2.3": true, "fd00::1": true, "fd00:0::1": true,
		"gitlab.example": false, "evilgitlab.example": false, ".gitlab.example": false, "a.forge.example": false, "forge.example.evil.example": false,
		"a.gitlab.example.evil.example": false, "10.1.2.4": false, "*.gitlab.example": true, "forge": false,
	} {
		name, err := canonicalHost(host)
		if err != nil || allowed.host(name) != want {
			t.Errorf("%s: %v, %v", host, allowed.host(name), err)
		}
	}
	for _, host := range []string{"", ".", "127.1", "2130706433", "0x7f.1", "0x7f000001", "a.0x", "a.1", "127.0.0.1..1", "１２７.１", "a\u2488b", "ﾟ"} {
		if name, err := canonicalHost(host); err == nil {
			t.Errorf("%q is %q", host, name)
		}
	}
	if name, err := canonicalHost("１２７．０。0.1"); err != nil || name != "127.0.0.1" {
		t.Errorf("an address in other digits is %q, %v", name, err)
	}
}

// parsed reads arguments as the programs do.
func parsed(t *testing.T, arguments ...string) Allowed {
	t.Helper()
	allowed, err := parseAllowed(arguments)
	if err != nil {
		t.Fatal(err)
	}
	return allowed
}

func parseAllowed(arguments []string) (Allowed, error) {
	var allowed Allowed
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	allowed.Flags(flags.Func)
	return allowed, flags.Parse(arguments)
}

func TestAllowedFlags(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      []string // by Args
	}{
		{nil, nil},
		{[]string{"-git-schemes=", "-git-hosts=", "-git-addresses="}, nil},
		{[]string{"-git-schemes=HTTPS"}, []string{"-git-schemes=https"}},
		{[]string{"-git-hosts=a.example", "-git-hosts=b.example, *.c.example"}, []string{"-git-hosts=b.example,*.c.example"}},
		{[]string{"-git-addresses=10.0.0.1,fd00::/8"}, []string{"-git-addresses=10.0.0.1/32,fd00::/8"}},
	} {
		allowed := parsed(t, test.arguments...)
		got := allowed.Args()
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: %q", test.arguments, got)
		}
		if diff := cmp.Diff(allowed, parsed(t, got...), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Errorf("%q is not the same again:\n%s", test.arguments, diff)
		}
	}
	for argument, says := range map[string]string{
		"-git-schemes=git":                       "write https, http or ssh",
		"-git-schemes=http,":                     "write https, http or ssh",
		"-git-hosts=*":                           "is not a host",
		"-git-hosts=,":                           "is not a host",
		"-git-hosts=https://a.example":           "is not a host",
		"-git-hosts=a.example:443":               "is not a host",
		"-git-hosts=a.*.example":                 "is not a host",
		"-git-hosts=a.example/x":                 "is not a host",
		"-git-hosts=127.1":                       "is not a host",
		"-git-addresses=forge.example":           "is not an address",
		"-git-addresses=10.0.0.0/33":             "is not an address",
		"-git-addresses=10.0.0.1,":               "is not an address",
		"-git-addresses=fe80::1%eth0":            "is not an address",
		"-git-addresses=10.0.0.1/8":              "write 10.0.0.0/8",
		"-git-addresses=::ffff:10.0.0.0/104":     "IPv4 addresses",
		"-git-addresses=64:ff9b::10.0.0.0/104":   "IPv4 addresses",
		"-git-addresses=10.0.0.1 192.168.0.0/24": "is not an address",
	} {
		if _, err := parseAllowed([]string{argument}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", argument, err, says)
		}
	}
}
