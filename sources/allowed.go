package sources

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// Allowed says which servers may be asked. The zero value is every host with a public address, by https, http or ssh.
//
// It is checked for each request, so for redirects too, and the address is that to which a connection is really made.
type Allowed struct {
	// Schemes are some of "https", "http" and "ssh"; empty for all.
	Schemes []string
	// Hosts are host names such as "forge.example", or "*.forge.example" for all names below that one, in lower case; empty
	// for all. An address is the name of a host that a URL writes so; IPv6 addresses are without brackets.
	Hosts []string
	// Addresses are those that may be asked although they are not public: loopback, private, link-local, shared (100.64/10),
	// multicast, unspecified, for documentation or benchmarks, or reserved. IPv6 addresses that hold an IPv4 address
	// (::ffff:0:0/96, 64:ff9b::/96) are judged by that one.
	Addresses []netip.Prefix
}

// The flags of Allowed. Errors name them, as it is they that an administrator changes.
const (
	schemesFlag   = "git-schemes"
	hostsFlag     = "git-hosts"
	addressesFlag = "git-addresses"
)

// Flags declares the flags that fill a, by the method Func of a flag set, so that every program has the same ones. Each takes
// a list with commas; an empty one stands for the default. A flag that is given again replaces what it said before.
func (a *Allowed) Flags(declare func(name, usage string, set func(string) error)) {
	declare(schemesFlag, "`schemes` by which repositories may be asked: https, http, ssh (default all)", listOf(&a.Schemes, parseScheme))
	declare(hostsFlag, "`hosts` that repositories may be at, such as forge.example or *.example (default all)", listOf(&a.Hosts, parseHost))
	declare(addressesFlag, "`addresses` of git servers that may be asked although they are private, loopback or otherwise not public, such as 10.1.2.3 or fd00::/64 (default none)",
		listOf(&a.Addresses, parseAddresses))
}

// Args are the arguments that make Flags fill the same Allowed: none for the zero value.
func (a Allowed) Args() []string {
	var args []string
	add := func(flag string, values []string) {
		if len(values) > 0 {
			args = append(args, "-"+flag+"="+strings.Join(values, ","))
		}
	}
	add(schemesFlag, a.Schemes)
	add(hostsFlag, a.Hosts)
	var addresses []string
	for _, prefix := range a.Addresses {
		addresses = append(addresses, prefix.String())
	}
	add(addressesFlag, addresses)
	return args
}

// listOf reads a list with commas into values. Nothing between two commas is a mistake: an empty list would mean all.
func listOf[T any](values *[]T, parse func(string) (T, error)) func(string) error {
	return func(list string) error {
		*values = nil
		if strings.TrimSpace(list) == "" {
			return nil
		}
		for entry := range strings.SplitSeq(list, ",") {
			value, err := parse(strings.TrimSpace(entry))
			if err != nil {
				return err
			}
			*values = append(*values, value)
		}
		return nil
	}
}

func parseScheme(s string) (string, error) {
	if s = strings.ToLower(s); s != "https" && s != "http" && s != schemeSSH {
		return "", fmt.Errorf("%q is not a scheme that can be allowed: write https, http or ssh", s)
	}
	return s, nil
}

var hostName = regexp.MustCompile(`^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$`)

func parseHost(s string) (string, error) {
	if address, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil && address.Zone() == "" {
		return address.String(), nil
	}
	star, name := "", s
	if rest, found := strings.CutPrefix(s, "*."); found {
		star, name = "*.", rest
	}
	host, err := canonicalHost(name)
	if err != nil || !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is not a host: write a name without scheme, port and path, such as forge.example, or *.forge.example for all names below it", s)
	}
	return star + host, nil
}

func parseAddresses(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if address, single := netip.ParseAddr(s); single == nil && address.Zone() == "" {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil:
		return prefix, fmt.Errorf("%q is not an address or a range of them: write it such as 10.1.2.3, 10.1.0.0/16 or fd00::/64", s)
	case prefix != prefix.Masked():
		return prefix, fmt.Errorf("%q has bits set after its first %d: write %s, or one address without /%d", s, prefix.Bits(), prefix.Masked(), prefix.Bits())
	case destination(prefix.Addr()) != prefix.Addr():
		return prefix, fmt.Errorf("%q stands for IPv4 addresses: write those", s)
	}
	return prefix, nil
}

// canonicalHost is a host name as it is looked up: lower case, ASCII, without a dot at the end. Addresses are as
// netip.Addr writes them.
func canonicalHost(host string) (string, error) {
	if strings.ContainsFunc(host, func(r rune) bool { return r > 0x7f }) {
		var err error
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return "", err
		}
	}
	host = strings.ToLower(strings.TrimRight(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return address.String(), nil
	}
	if host == "" || oddAddress(host) {
		return "", errors.New("neither a name nor an address")
	}
	return host, nil
}

// oddAddress says whether some programs, such as a proxy, take host for an IPv4 address although it is not written as one:
// 127.1, 2130706433, 0x7f000001. No name ends in a number.
func oddAddress(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits := "0123456789"
	if rest, hex := strings.CutPrefix(last, "0x"); hex {
		last, digits = rest, "0123456789abcdef"
		if last == "" {
			return true
		}
	}
	return last != "" && strings.Trim(last, digits) == ""
}

func (a Allowed) scheme(scheme string) bool {
	return len(a.Schemes) == 0 || slices.Contains(a.Schemes, scheme)
}

// host says whether a canonical host may be asked.
func (a Allowed) host(host string) bool {
	return len(a.Hosts) == 0 || slices.ContainsFunc(a.Hosts, func(allowed string) bool {
		below, star := strings.CutPrefix(allowed, "*")
		return host == allowed || star && len(host) > len(below) && strings.HasSuffix(host, below)
	})
}

// address returns a *refusedAddress for an address that may not be asked.
func (a Allowed) address(address netip.Addr) error {
	to := destination(address)
	what := notPublic(to)
	if what == "" || slices.ContainsFunc(a.Addresses, func(p netip.Prefix) bool { return p.Contains(to) }) {
		return nil
	}
	return &refusedAddress{address: address, what: what}
}

// refusedAddress is an address that may not be asked, and what it is.
type refusedAddress struct {
	address netip.Addr
	what    string
}

func (r *refusedAddress) Error() string { return r.address.String() + " is " + r.what }
