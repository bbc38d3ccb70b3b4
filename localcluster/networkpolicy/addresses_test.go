package networkpolicy

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

const kept = `{"kind":"cniCacheV1","containerId":"04199c","config":"e30=","ifName":"eth0","networkName":"toolforged",
"cniArgs":[["K8S_POD_INFRA_CONTAINER_ID","04199c"],["K8S_POD_UID","5c39"],["K8S_POD_NAME","web"]],
"result":{"cniVersion":"0.4.0","ips":[{"address":"10.88.1.6/16","gateway":"10.88.0.1","interface":2,"version":"4"}]}}`

func TestReadAddresses(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"toolforged-1": kept,
		"half":         kept[:200],
		"empty":        "",
		"cni-loopback": `{"networkName":"cni-loopback","cniArgs":[["K8S_POD_UID","5c39"]],"result":{"ips":[{"address":"127.0.0.1/8"}]}}`,
		"somebody":     `{"networkName":"podman","cniArgs":[["K8S_POD_UID","1"]],"result":{"ips":[{"address":"10.87.0.7/16"}]}}`,
		"no-pod":       `{"networkName":"toolforged","cniArgs":[],"result":{"ips":[{"address":"10.88.1.7/16"}]}}`,
		"ipv6":         `{"networkName":"toolforged","cniArgs":[["K8S_POD_UID","6"]],"result":{"ips":[{"address":"fd00::1/64"}]}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAddresses(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[types.UID][]netip.Addr{"5c39": {netip.MustParseAddr("10.88.1.6")}}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if _, err := readAddresses(filepath.Join(dir, "none")); err == nil {
		t.Error("no error where there is nothing to read")
	}
}

func FuzzParseResult(f *testing.F) {
	f.Add([]byte(kept))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, found := parseResult(content)
		for _, a := range found {
			if !a.Is4() {
				t.Errorf("the address %s", a)
			}
		}
	})
}
