package networkpolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/types"

	"github.com/toolforge/toolforged/localcluster/host"
)

// result is what CNI's library keeps of an answer of the plugins.
type result struct {
	NetworkName string
	CNIArgs     [][2]string
	Result      struct {
		IPs []struct{ Address netip.Prefix }
	}
}

// readAddresses reads which pod has which addresses in the pods' network from
// what CNI's library keeps in dir. A file that is being written is passed over:
// it changes once more.
func readAddresses(dir string) (map[types.UID][]netip.Addr, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the pods' addresses: %w", err)
	}
	addresses := map[types.UID][]netip.Addr{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the pod has just ended
		}
		if err != nil {
			return nil, fmt.Errorf("reading a pod's address: %w", err)
		}
		if uid, found := parseResult(content); len(found) > 0 {
			addresses[uid] = append(addresses[uid], found...)
		}
	}
	return addresses, nil
}

// parseResult returns the addresses that one answer gives to a pod, none when it
// is another network's or not complete.
func parseResult(content []byte) (types.UID, []netip.Addr) {
	var r result
	if err := json.Unmarshal(content, &r); err != nil || r.NetworkName != host.CNINetwork {
		return "", nil
	}
	var found []netip.Addr
	for _, ip := range r.Result.IPs {
		if a := ip.Address.Addr(); a.Is4() {
			found = append(found, a)
		}
	}
	for _, arg := range r.CNIArgs {
		if arg[0] == "K8S_POD_UID" {
			return types.UID(arg[1]), found
		}
	}
	return "", nil
}
