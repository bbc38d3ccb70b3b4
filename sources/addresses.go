package sources

import "net/netip"

// special are the ranges of addresses that are not public, and what each is: the registries of special-purpose addresses
// at iana.org (RFC 6890), with multicast and what is reserved.
var special = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "private to a provider's network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"}, // relays of 6to4
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("2001::/23"), "reserved"}, // Teredo, benchmarks, ORCHID
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "reserved"}, // 6to4, which may lead to any IPv4 address
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

var (
	// globalUnicast is all that is given out of IPv6 (RFC 4291, 2.4); what is outside of it is reserved.
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 leads to the IPv4 address in its last 4 bytes (RFC 6052, 2.1).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// notPublic says what is special about an address, or "" of a public one. The address is one that destination returned.
func notPublic(address netip.Addr) string {
	for _, s := range special {
		if s.prefix.Contains(address) {
			return s.what
		}
	}
	if address.Is6() && !globalUnicast.Contains(address) {
		return "reserved"
	}
	return ""
}

// destination is the address that packets to this one come to: the IPv4 address that is written in it, if there is one.
func destination(address netip.Addr) netip.Addr {
	address = address.WithZone("").Unmap()
	if nat64.Contains(address) {
		bytes := address.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return address
}
