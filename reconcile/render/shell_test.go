package render

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestReplaced(t *testing.T) {
	for command, want := range map[string]bool{
		"python app.py": true, "./run": true, "gunicorn app:app --workers $WORKERS": true, `node "my app.js"`: true, "python app.py\n": true,
		"python app.py > out.log 2>&1": true, "sleep ${N}": true, "c++ x": true,
		"python a.py; python b.py": false, "python a.py && python b.py": false, "python a.py | tee log": false, "python a.py &": false,
		"python a.py &> log": false, "python a.py\npython b.py": false, "(python a.py)": false, "echo `date`": false, "run $(date)": false,
		`sh -c "a; b"`: false, "{ python a.py": false, "[ -f x ]": false, "! python a.py": false,
		"A=1 python a.py": false, "cd app": false, "exec python a.py": false, "test -f x": false, "source env": false, "if x": false, "": false,
	} {
		got := replaced(command)
		if want && got != "exec "+command || !want && got != command {
			t.Errorf("%q becomes %q", command, got)
		}
	}
}

// What runs is the command itself, in each shell.
func TestShellIsReplaced(t *testing.T) {
	for _, shell := range []string{"sh", "bash"} {
		for _, command := range []string{"sleep 60", "sleep 60 > /dev/null 2>&1"} {
			process := exec.Command(shell, "-c", replaced(command))
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			name := ""
			for deadline := time.Now().Add(10 * time.Second); name != "sleep" && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(process.Process.Pid), "comm"))
				if err != nil {
					t.Fatal(err)
				}
				name = strings.TrimSpace(string(data))
			}
			if name != "sleep" {
				t.Errorf("%s runs %q as %s", shell, command, name)
			}
			if err := process.Process.Kill(); err != nil {
				t.Error(err)
			}
			_ = process.Wait() // it says that it was killed
		}
	}
}
