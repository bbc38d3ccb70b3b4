package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/toolforge/toolforged/build/tekton"
)

// maxResult is what an ending may have as the result of a step, in bytes: in base64, and with what Tekton adds, it fits in a
// container's termination message.
const maxResult = 2800

// stepFlag has the ending written where Tekton takes it from.
func (r *record) stepFlag(flags *flag.FlagSet) {
	flags.Func("tekton-step", "`number` of the step of a TaskRun, from 0, as which this container runs", func(text string) error {
		step, err := strconv.Atoi(text)
		if err != nil || step < 0 {
			return errors.New("want a number")
		}
		r.file, r.step = filepath.Join(tekton.ResultsDir(step), "ending"), &step
		return nil
	})
}

// write writes the ending.
func (r *record) write() error {
	if r.step == nil {
		return r.Write(r.file)
	}
	text := base64.StdEncoding.EncodeToString(r.Encode(maxResult))
	if err := os.WriteFile(r.file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write how the step ended: %w", err)
	}
	return nil
}

// plainArgs are the arguments themselves: those of a step may be written down so that Tekton replaces nothing in them.
func plainArgs(args []string) ([]string, error) {
	if len(args) != 2 {
		return args, nil
	}
	encoded, found := strings.CutPrefix(args[1], "-args=")
	if !found {
		return args, nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("read -args: %w", err)
	}
	var plain []string
	if err := json.Unmarshal(data, &plain); err != nil {
		return nil, fmt.Errorf("read -args: %w", err)
	}
	return append(args[:1:1], plain...), nil
}

// beginCheck is the time between two looks at a file that says that export may begin.
const beginCheck = 200 * time.Millisecond

// awaitBegin waits until the file, which Kubernetes writes, says that the build's container has ended: until then what it left
// may still change.
func awaitBegin(ctx context.Context, file string) error {
	for {
		data, err := os.ReadFile(file)
		if err == nil && strings.TrimSpace(string(data)) == "true" {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("wait for the build's end: %w", err)
		}
		select {
		case <-time.After(beginCheck):
		case <-ctx.Done():
			return fmt.Errorf("wait for the build's end: %w", ctx.Err())
		}
	}
}

// sweep removes what lies among Tekton's files, but for those of this step: Tekton's program reads some of them when this one has
// ended, in this container, and would follow a link that the build left there to a credential. What is read-only here was
// read-only there too, or is Tekton's own.
func sweep(dir string, step int) error {
	volumes, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil {
		return err
	}
	for _, path := range volumes {
		if path == filepath.Join(dir, "run", strconv.Itoa(step)) {
			continue
		}
		// Links are removed, not followed. Where a volume is mounted, its directory stays.
		err := os.RemoveAll(path)
		if err != nil && !errors.Is(err, syscall.EROFS) && !errors.Is(err, syscall.EBUSY) {
			return refuse("the build left something among Tekton's files that cannot be removed: %s", err)
		}
	}
	return nil
}
