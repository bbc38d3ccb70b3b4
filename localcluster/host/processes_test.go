package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// procDir makes a proc file system with one process.
func procDir(t *testing.T, environ, cgroup string) string {
	t.Helper()
	dir := t.TempDir()
	pid := filepath.Join(dir, "4242")
	if err := os.Mkdir(pid, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"environ": environ, "cgroup": cgroup, "comm": "program\n"} {
		if err := os.WriteFile(filepath.Join(pid, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestProcesses(t *testing.T) {
	for _, tc := range []struct {
		name, environ, cgroup string
		want                  []process
	}{
		{
			name: "the cluster's own program", environ: "HOME=/\x00" + Marker + "=/a/.local\x00LANG=C\x00", cgroup: "0::/\n",
			want: []process{{pid: 4242, name: "program", root: "/a/.local"}},
		},
		{
			name: "in a pod, unified tree", environ: "PATH=/\x00", cgroup: "0::/toolforged-local/kubepods/pod1/x\n",
			want: []process{{pid: 4242, name: "program"}},
		},
		{
			name: "in a pod, older trees", environ: "", cgroup: "2:cpu:/\n1:memory:/outer/toolforged-local/kubepods\n",
			want: []process{{pid: 4242, name: "program"}},
		},
		{name: "somebody else's", environ: "HOME=/\x00", cgroup: "0::/user.slice\n"},
		{name: "a similar variable", environ: "MY_" + Marker + "=/a\x00", cgroup: "0::/\n"},
		{name: "a similar control group", environ: "", cgroup: "0::/toolforged-localhost/x\n1:cpu:/my-toolforged-local\n"},
		{name: "a value that looks like the variable", environ: "X=" + Marker + "=/a\x00", cgroup: "0::/\n"},
		{name: "nothing readable", environ: "", cgroup: "garbage"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := processes(procDir(t, tc.environ, tc.cgroup))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(process{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRuns(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	cmd.Env = []string{Marker + "=/nowhere/test"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if !Runs(pid, "/nowhere/test") {
		t.Error("a process with the marker is not seen")
	}
	if Runs(pid, "/nowhere/else") {
		t.Error("a process of another cluster counts as of this one")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if Runs(pid, "/nowhere/test") {
		t.Error("a process that ended is seen")
	}
	if Runs(os.Getpid(), "") {
		t.Error("a process without the marker is seen")
	}
}
