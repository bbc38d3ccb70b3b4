package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"sigs.k8s.io/knftables"
)

// AllowPods lets packets of the pods in, out and through whatever policy the
// host's firewall has, and sets nothing else.
func AllowPods() error {
	for _, rule := range []string{
		"INPUT -i " + Bridge,
		"FORWARD -i " + Bridge,
		"FORWARD -o " + Bridge,
	} {
		args := append([]string{"-w", "-I"}, strings.Fields(rule)...)
		args = append(args, "-m", "comment", "--comment", RuleComment, "-j", "ACCEPT")
		if out, err := exec.Command("iptables", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("adding the firewall rule %q: %w: %s", rule, err, bytes.TrimSpace(out))
		}
	}
	return nil
}

// removeRules takes the cluster's rules and chains out of the firewall, those
// of Kubernetes only when kubernetes is set.
func removeRules(kubernetes bool) error {
	for _, family := range []string{"iptables", "ip6tables"} {
		if err := removeFamily(family, kubernetes); err != nil {
			return fmt.Errorf("cleaning the firewall (%s): %w", family, err)
		}
	}
	return nil
}

// removePolicyTable takes the table of the network policies out of the firewall.
func removePolicyTable(ctx context.Context) error {
	nft, err := knftables.New(knftables.InetFamily, PolicyTable)
	if errors.Is(err, exec.ErrNotFound) {
		return nil // without it there never was a table
	}
	if err != nil {
		return fmt.Errorf("cleaning the firewall: %w", err)
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{}) // what is not there cannot be deleted
	tx.Delete(&knftables.Table{})
	if err := nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("removing the network policies: %w", err)
	}
	return nil
}

// ForeignKubernetes reports whether the firewall holds chains of a Kubernetes
// node. After [Clear] they can only be somebody else's.
func ForeignKubernetes() (bool, error) {
	saved, err := exec.Command("iptables-save").Output()
	if err != nil {
		return false, fmt.Errorf("listing firewall rules: %w", err)
	}
	return strings.Contains(string(saved), "\n:KUBE-"), nil
}

func removeFamily(family string, kubernetes bool) error {
	if _, err := os.Stat("/proc/sys/net/ipv6"); family == "ip6tables" && err != nil {
		return nil // the kernel has no IPv6
	}
	saved, err := exec.Command(family + "-save").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil // without it there never were rules
	}
	if err != nil {
		return fmt.Errorf("listing rules: %w", err)
	}
	changes := removal(string(saved), kubernetes)
	if changes == "" {
		return nil
	}
	restore := exec.Command(family+"-restore", "--noflush", "-w")
	restore.Stdin = strings.NewReader(changes)
	if out, err := restore.CombinedOutput(); err != nil {
		return fmt.Errorf("removing rules: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// removal turns what iptables-save printed into the input for
// iptables-restore --noflush that removes the cluster's part of it. It is empty
// when there is nothing to remove.
//
// The cluster's are: the rules that carry this project's name in their comment
// and the CNI plugins' chains that hold such rules; and, when kubernetes is set,
// the chains of kube-proxy and the kubelet (KUBE-…) and the rules that jump
// there, for these carry no name of a cluster.
func removal(saved string, kubernetes bool) string {
	var out strings.Builder
	for _, t := range parseTables(saved) {
		t.writeRemoval(&out, kubernetes)
	}
	return out.String()
}

// table is one of iptables' tables: filter, nat, mangle.
type table struct {
	name   string
	chains []string
	rules  []string
}

func parseTables(saved string) []*table {
	var tables []*table
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "*"); ok {
			tables = append(tables, &table{name: name})
		}
		if len(tables) == 0 {
			continue
		}
		t := tables[len(tables)-1]
		switch {
		case strings.HasPrefix(line, ":"):
			name, _, _ := strings.Cut(line[1:], " ")
			t.chains = append(t.chains, name)
		case strings.HasPrefix(line, "-A "):
			t.rules = append(t.rules, line)
		}
	}
	return tables
}

func (t *table) writeRemoval(out *strings.Builder, kubernetes bool) {
	doomed := t.doomedChains(kubernetes)
	var lines []string
	for _, rule := range t.rules {
		chain := strings.Fields(rule)[1]
		if !doomed[chain] && (ours(rule) || doomed[target(rule)]) {
			lines = append(lines, "-D"+strings.TrimPrefix(rule, "-A"))
		}
	}
	for _, verb := range []string{"-F ", "-X "} {
		for _, chain := range t.chains {
			if doomed[chain] {
				lines = append(lines, verb+chain)
			}
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(out, "*%s\n%s\nCOMMIT\n", t.name, strings.Join(lines, "\n"))
	}
}

// doomedChains are the chains to remove.
func (t *table) doomedChains(kubernetes bool) map[string]bool {
	doomed := map[string]bool{}
	for _, chain := range t.chains {
		doomed[chain] = kubernetes && strings.HasPrefix(chain, "KUBE-")
	}
	for _, rule := range t.rules {
		if chain := strings.Fields(rule)[1]; strings.HasPrefix(chain, "CNI-") && ours(rule) {
			doomed[chain] = true
		}
	}
	return doomed
}

// ours reports whether the comment of a rule names this project's network.
func ours(rule string) bool {
	return strings.Contains(rule, "--comment "+RuleComment+" ") ||
		strings.Contains(rule, `name: \"`+CNINetwork+`\"`)
}

// target is the chain a rule jumps to, empty when it does not.
func target(rule string) string {
	fields := strings.Fields(rule)
	for i, f := range fields[:len(fields)-1] {
		if f == "-j" || f == "-g" {
			return fields[i+1]
		}
	}
	return ""
}
