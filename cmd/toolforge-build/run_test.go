package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/build/ending"
)

func TestRun(t *testing.T) {
	b := newBench(t)
	out, code, end := b.start("run", "-platform=/platform", "-order")
	if code != 0 || phaseNames(end) != "detect restore build" || end.Message != "" {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
	layers := "-no-color -layers=" + b.layers
	want := "===> detect\ndetector " + layers + " -log-level=debug -app=" + b.workspace + " -platform=/platform -order=/platform/order.toml\n" +
		"===> restore\nrestorer " + layers + " " + strings.Join(owner(), " ") + " -cache-dir=" + b.cached + "\n" +
		"===> build\nbuilder " + layers + " -app=" + b.workspace + " -platform=/platform\n"
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestRunErrors(t *testing.T) {
	for _, test := range []struct {
		name, program, does string
		code                int
		phases              string
	}{
		{"nothing detected", "detector", "exit 20", 20, "detect"},
		{"a buildpack fails", "builder", "exit 51", 51, "detect restore build"},
		{"the cache is broken, and so is more", "restorer", "exit 42", 42, "detect restore"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("FAKE_"+test.program, test.does)
			out, code, end := newBench(t).start("run")
			if code != test.code || phaseNames(end) != test.phases || end.Bound != "" {
				t.Errorf("exit %d, %+v: %s", code, end, out)
			}
		})
	}
	t.Run("wrong flags", func(t *testing.T) {
		if out, code, _ := newBench(t).start("run", "-disk-bytes=-1"); code != exitTrouble {
			t.Errorf("exit %d: %s", code, out)
		}
	})
}

// A build that writes too much is ended although it would go on for an hour.
func TestDiskBound(t *testing.T) {
	b := newBench(t)
	t.Setenv("FAKE_builder", "write "+filepath.Join(b.layers, "large")+" 5000000; sleep")
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	out, code, end := b.start("run", "-disk-bytes=4000000")
	if code != exitMendable || end.Bound != ending.Disk || phaseNames(end) != "detect restore build" {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
}

func TestWatchDisk(t *testing.T) {
	dir, over := t.TempDir(), make(chan int64, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go watchDisk(ctx, []string{dir, filepath.Join(dir, "nowhere")}, 1_000_000, func(used int64) { over <- used })
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 2_000_000), 0o644); err != nil {
		t.Fatal(err)
	}
	select {
	case used := <-over:
		if used <= 1_000_000 || used > 3_000_000 { // it may be seen while it is written
			t.Errorf("%d bytes", used)
		}
	case <-ctx.Done():
		t.Error("nobody noticed")
	}
}

func TestDiskUsage(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	before := diskUsage(t.Context(), []string{dir})
	if err := os.WriteFile(filepath.Join(below, "x"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(below, "x"), filepath.Join(dir, "y")); err != nil {
		t.Fatal(err)
	}
	sparse, err := os.Create(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	if err := sparse.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	sparse.Close()
	// A directory that is given twice, and one below another, count once; so does a file with two names.
	got := diskUsage(t.Context(), []string{dir, dir, below}) - before
	if got < 1<<20 || got > 1<<20+64<<10 {
		t.Errorf("%d bytes", got)
	}
}

func TestOOMKills(t *testing.T) {
	for _, test := range []struct {
		name, content string
		kills         int
		known         bool
	}{
		{"version 2", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 2, true},
		{"version 1", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1, true},
		{"old", "oom_kill_disable 0\n", 0, false},
		{"no number", "oom_kill x\n", 0, false},
	} {
		file := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(file, []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		if kills, known := oomKillsIn(file); kills != test.kills || known != test.known {
			t.Errorf("%s: %d, %t", test.name, kills, known)
		}
	}
	if _, known := oomKillsIn("/nowhere"); known {
		t.Error("known from nowhere")
	}
}

// An ended context ends what runs.
func TestRunIsEnded(t *testing.T) {
	b := newBench(t)
	t.Setenv("FAKE_builder", "sleep")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var out strings.Builder
	if code := start(ctx, append([]string{"run"}, b.args...), &out); code == 0 {
		t.Errorf("exit %d: %s", code, out.String())
	}
}
