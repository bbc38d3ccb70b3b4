package networkpolicy

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/knftables"

	"github.com/toolforge/toolforged/localcluster/host"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestWrite(t *testing.T) {
	for _, name := range []string{"tools", "world", "empty"} {
		t.Run(name, func(t *testing.T) {
			s := state{}
			if name != "empty" {
				s = readState(t, name+".yaml")
			}
			got := written(t, s)
			golden := filepath.Join("testdata", name+".nft")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWriteDoesNotDependOnOrder(t *testing.T) {
	s := readState(t, "tools.yaml")
	want := written(t, s)
	slices.Reverse(s.pods)
	slices.Reverse(s.namespaces)
	slices.Reverse(s.policies)
	if diff := cmp.Diff(want, written(t, s)); diff != "" {
		t.Error(diff)
	}
}

// An element that is there twice would make nft refuse all of it.
func TestWriteOfAnAddressThatTwoPodsHave(t *testing.T) {
	s := readState(t, "world.yaml")
	s.pods[1].addresses = s.pods[0].addresses
	if got := strings.Count(written(t, s), "add element inet toolforge_networkpolicy ingress { 10.88.1.1 "); got != 1 {
		t.Errorf("the address is there %d times", got)
	}
}

// written is the text that is given to nft, once the library has found it to
// be consistent.
func written(t *testing.T, s state) string {
	t.Helper()
	fake := knftables.NewFake(knftables.InetFamily, host.PolicyTable)
	tx := fake.NewTransaction()
	write(tx, s)
	if err := fake.Run(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	return tx.String()
}
