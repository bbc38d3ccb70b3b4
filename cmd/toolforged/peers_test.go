package main

import (
	"net/netip"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestPeerAddress(t *testing.T) {
	for _, test := range []struct{ status, peer, want string }{
		{":8080", "10.1.2.3", "10.1.2.3:8080"},
		{"127.0.0.1:81", "10.1.2.3:82", "10.1.2.3:82"},
		{":8080", "fd00:1::2", "[fd00:1::2]:8080"},
		{":8080", "[::1]:9", "[::1]:9"},
	} {
		o := options{statusAddress: test.status, peerAddress: test.peer}
		address, err := o.peer()
		if err != nil || address.String() != test.want {
			t.Errorf("%s, %s: %s, %v", test.status, test.peer, address, err)
		}
		label := leaseLabels(o)[addressLabel]
		if wrong := validation.IsValidLabelValue(label); len(wrong) > 0 {
			t.Errorf("label %q: %v", label, wrong)
		}
		if got, err := decodeAddress(label); err != nil || got != address {
			t.Errorf("label %q is read as %s, %v", label, got, err)
		}
	}
	if labels := leaseLabels(options{statusAddress: ":8080"}); labels != nil {
		t.Errorf("without an address: %v", labels)
	}
	for _, text := range []string{"", "_", "10.1.2.3", "10.1.2.3_", "host_80", "10.1.2.3_99999999"} {
		if got, err := decodeAddress(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
	if got := encodeAddress(netip.MustParseAddrPort("[::1]:80")); got != "0000-0000-0000-0000-0000-0000-0000-0001_80" {
		t.Errorf("%s", got)
	}
}
