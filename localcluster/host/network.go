package host

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"

	"github.com/vishvananda/netlink"
)

// MakeBridge makes the pods' network device with the address (CIDR form) that
// the host has in the pods' network.
func MakeBridge(address string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = Bridge
	link := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("making the network device %s: %w", Bridge, err)
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("reading the address %s: %w", address, err)
	}
	if err := netlink.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("giving %s the address %s: %w", Bridge, address, err)
	}
	if err := showFirewall(); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("setting %s up: %w", Bridge, err)
	}
	return nil
}

// showFirewall has the bridge show the firewall what goes from one pod to
// another as well, which the kernel does when its module br_netfilter is there.
func showFirewall() error {
	if _, err := os.Stat("/proc/sys/net/bridge"); err != nil {
		if out, err := exec.Command("modprobe", "br_netfilter").CombinedOutput(); err != nil {
			return fmt.Errorf("loading the kernel's module br_netfilter, for network policies: %w: %s", err, bytes.TrimSpace(out))
		}
		// The module begins with all bridges. The others are not the cluster's.
		for _, tables := range []string{"arptables", "iptables", "ip6tables"} {
			if err := setKernel("net/bridge/bridge-nf-call-"+tables, "0"); err != nil {
				return err
			}
		}
	}
	for _, setting := range []string{"nf_call_iptables", "nf_call_ip6tables"} {
		if err := os.WriteFile("/sys/class/net/"+Bridge+"/bridge/"+setting, []byte("1"), 0o644); err != nil {
			return fmt.Errorf("having %s show the firewall the pods' packets: %w", Bridge, err)
		}
	}
	return nil
}

// AddressTaken names the network device, if any, whose network overlaps the
// given one and which is not the cluster's.
func AddressTaken(network *net.IPNet) (device string, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return "", fmt.Errorf("listing network devices: %w", err)
	}
	for _, link := range links {
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return "", fmt.Errorf("listing the addresses of %s: %w", link.Attrs().Name, err)
		}
		for _, a := range addrs {
			if network.Contains(a.IP) || a.Contains(network.IP) {
				return link.Attrs().Name, nil
			}
		}
	}
	return "", nil
}

// removeBridge removes the pods' network device and the devices plugged into
// it, whose other ends are in the pods.
func removeBridge() error {
	bridge, err := netlink.LinkByName(Bridge)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding %s: %w", Bridge, err)
	}
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("listing network devices: %w", err)
	}
	for _, link := range append(links, bridge) {
		if link.Attrs().MasterIndex != bridge.Attrs().Index && link != bridge {
			continue
		}
		if err := netlink.LinkDel(link); err != nil && !gone(link) {
			return fmt.Errorf("removing %s: %w", link.Attrs().Name, err)
		}
	}
	return nil
}

// gone reports whether link has ended by itself, as a pod's device does when
// the kernel buries its namespace.
func gone(link netlink.Link) bool {
	_, err := netlink.LinkByIndex(link.Attrs().Index)
	return errors.As(err, &netlink.LinkNotFoundError{})
}
