package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/build/ending"
)

func TestStepEnding(t *testing.T) {
	file, step := filepath.Join(t.TempDir(), "ending"), 2
	end := &record{file: file, step: &step}
	end.Message = strings.Repeat("<é\"", 1000)
	end.Notes = []string{strings.Repeat("x", 5000), "y", "z"}
	if err := end.write(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil || len(text) > 3800 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	data, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if read, err := ending.Parse(string(data)); err != nil || !strings.HasPrefix(read.Message, `<é"<é"`) {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestPlainArgs(t *testing.T) {
	plain := []string{"-tekton-step=2", "-label=source=https://forge.example/$(steps.build.results.x)", "image"}
	data, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, want []string }{
		{[]string{"export", "-args=" + base64.StdEncoding.EncodeToString(data)}, append([]string{"export"}, plain...)},
		{[]string{"run"}, []string{"run"}},
		{[]string{"run", "-order"}, []string{"run", "-order"}},
		{[]string{"run", "-order", "-args=no"}, []string{"run", "-order", "-args=no"}},
	} {
		got, err := plainArgs(test.args)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%v: %v\n%s", test.args, err, diff)
		}
	}
	for _, wrong := range []string{"?", base64.StdEncoding.EncodeToString([]byte("{}"))} {
		if got, err := plainArgs([]string{"run", "-args=" + wrong}); err == nil {
			t.Errorf("%s: %v", wrong, got)
		}
	}
}

func TestAwaitBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "begin")
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { done <- awaitBegin(ctx, file) }()
		for _, content := range []string{"", "false"} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			select {
			case err := <-done:
				t.Fatalf("%q: it did not wait: %v", content, err)
			default:
			}
		}
		if err := os.WriteFile(file, []byte("true"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		go func() { done <- awaitBegin(ctx, file+"-none") }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// What the build put among Tekton's files is gone, links as such; the step's own files stay.
func TestSweep(t *testing.T) {
	root := t.TempDir()
	secret := filepath.Join(root, "secret")
	dir := filepath.Join(root, "tekton")
	for _, path := range []string{"results", "artifacts", "steps", "run/1/status", "run/2/status/results", "results/deep/down"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"../secret", "termination", "results/x", "results/.hidden", "results/deep/down/x", "run/2/status/results/kept"} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"artifacts/provenance.json": secret, "steps/step-export": root, "results/ending": secret} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(dir, 2); err != nil {
		t.Fatal(err)
	}
	var left []string
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			left = append(left, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	want := []string{"secret", "tekton/run/2/status/results/kept", "tekton/termination"}
	if diff := cmp.Diff(want, left); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if err := sweep(filepath.Join(root, "nowhere"), 2); err != nil {
		t.Error(err)
	}
}
