package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mountTable = `20 1 0:1 / / rw - ext4 /dev/vda rw
30 20 0:2 / /run/toolforged-local/kubelet rw - ext4 /dev/vda rw
31 30 0:3 / /run/toolforged-local/kubelet/pods/a\040b rw - tmpfs tmpfs rw
32 20 0:4 / /run/toolforged-localhost rw - tmpfs tmpfs rw
33 20 0:5 / /home/me/x/.local/containerd/tmpmounts/1 rw shared:1 - overlay overlay rw
34 20 0:6 / /home/me/x/.localized rw - tmpfs tmpfs rw
35 20 0:7 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 20 0:8 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
short line
`

func TestMountsBelow(t *testing.T) {
	got := mountsBelow(mountTable, []string{"/run/toolforged-local", "/home/me/x/.local"})
	want := []string{
		"/run/toolforged-local/kubelet",
		"/run/toolforged-local/kubelet/pods/a b",
		"/home/me/x/.local/containerd/tmpmounts/1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := mountsBelow(mountTable, nil); got != nil {
		t.Errorf("with no directory: %v", got)
	}
}

func TestParseCgroupMounts(t *testing.T) {
	want := []hierarchy{{dir: "/sys/fs/cgroup/memory"}, {dir: "/sys/fs/cgroup/unified", unified: true}}
	if diff := cmp.Diff(want, parseCgroupMounts(mountTable), cmp.AllowUnexported(hierarchy{})); diff != "" {
		t.Error(diff)
	}
}

func TestClusterDirs(t *testing.T) {
	got := clusterDirs("/a/.local", []string{"/b/.local", "/", "", "relative", "/a/.local"})
	for _, bad := range []string{"/", "", "relative"} {
		for _, dir := range got {
			if dir == bad {
				t.Errorf("%q is taken for a cluster's directory", bad)
			}
		}
	}
	if len(got) < 3 {
		t.Errorf("got %v, want the two directories and %s", got, RunDir)
	}
}

func TestRemoveGroup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "group")
	if err := os.MkdirAll(filepath.Join(dir, "kubepods", "pod1", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing left
		if err := removeGroup(dir); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the group is still there: %v", err)
	}
}

func TestRemoveLinksInto(t *testing.T) {
	dir := t.TempDir()
	for name, to := range map[string]string{"ours": "/a/.local/log/pods/x", "theirs": "/var/log/pods/x", "similar": "/a/.localized"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeLinksInto(dir, []string{"/a/.local"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"similar", "theirs"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := removeLinksInto(filepath.Join(dir, "missing"), []string{"/a"}); err != nil {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestRemoveMentioning(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"ours": `{"sandbox":"` + RunDir + `/netns/1"}`, "theirs": `{"sandbox":"/run/netns/1"}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeMentioning(dir, RunDir+"/"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"theirs"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestMissingPackages(t *testing.T) {
	look := func(program string) (string, error) {
		if program == "containerd" || program == "ctr" || program == "git" {
			return "", exec.ErrNotFound
		}
		return "/usr/bin/" + program, nil
	}
	if diff := cmp.Diff([]string{"containerd", "git"}, missingPackages(look)); diff != "" {
		t.Error(diff)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}
