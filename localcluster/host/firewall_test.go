package host

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The saved rules are those of a real cluster with a pod, beside some of
// Docker, podman and a firewall plugin.
func TestRemoval(t *testing.T) {
	saved := read(t, "iptables-save.txt")
	for _, tc := range []struct {
		golden     string
		kubernetes bool
	}{
		{"removal.txt", true},
		{"removal-without-kubernetes.txt", false},
	} {
		got := removal(saved, tc.kubernetes)
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", tc.golden), []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(read(t, tc.golden), got); diff != "" {
			t.Errorf("%s: %s", tc.golden, diff)
		}
	}
}

func TestRemovalLeavesForeignRules(t *testing.T) {
	for line := range strings.Lines(removal(read(t, "iptables-save.txt"), true)) {
		for _, foreign := range []string{"DOCKER", "podman", "CNI-ADMIN", "CNI-FORWARD", "CNI-aaaa", "somebody"} {
			if strings.Contains(line, foreign) {
				t.Errorf("a rule of somebody else would be removed: %s", line)
			}
		}
	}
	foreign := "*filter\n:INPUT ACCEPT [0:0]\n:MINE - [0:0]\n-A INPUT -j MINE\n-A INPUT -j\nCOMMIT\n"
	if got := removal(foreign, true); got != "" {
		t.Errorf("where nothing is the cluster's, this would be removed: %q", got)
	}
}

func FuzzRemoval(f *testing.F) {
	seed, err := os.ReadFile(filepath.Join("testdata", "iptables-save.txt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(seed))
	f.Add("*nat\n-A \n:\n-A")
	f.Add("-A before any table")
	f.Fuzz(func(t *testing.T, saved string) {
		got := removal(saved, true)
		if strings.Count(got, "COMMIT\n") > strings.Count(saved, "*") {
			t.Errorf("more tables come out than went in: %q", got)
		}
	})
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The first stop on a machine comes before nftables is installed.
func TestRemovePolicyTableWithoutNftables(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := removePolicyTable(t.Context()); err != nil {
		t.Error(err)
	}
}
