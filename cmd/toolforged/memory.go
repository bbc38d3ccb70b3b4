package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"
)

const (
	// garbage is how much the heap grows between two collections, in percent: a daemon that watches makes little garbage and
	// lives long.
	garbage = 50
	// The first pages are given back when the caches have been filled and every tool was looked at, which takes far more
	// memory and far more of the program than what follows.
	giveBackFirst = time.Minute
	giveBackEvery = 2 * time.Minute
)

// giveBack returns memory that is not in use to the system, once after the start and then now and then, until ctx ends.
func giveBack(log logr.Logger) everywhere {
	return func(ctx context.Context) error {
		debug.SetGCPercent(garbage)
		for wait := giveBackFirst; ; wait = giveBackEvery {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
			debug.FreeOSMemory()
			if err := dropProgram(); err != nil {
				log.Info("pages of the program cannot be given back", "error", err.Error())
			}
		}
	}
}

// dropProgram gives the pages of the program's own code and constants back. They are in its file, so that nothing is
// lost: what is used again is there again at once, from the system's cache. Most of them were used at the start alone.
func dropProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return err
	}
	for line := range bytes.Lines(maps) {
		var from, to uintptr
		var rights string
		if _, err := fmt.Sscanf(string(line), "%x-%x %s", &from, &to, &rights); err != nil {
			return fmt.Errorf("read /proc/self/maps: %w", err)
		}
		// Nothing that can be written to: that is not in the file.
		if rights[1] == 'w' || !bytes.HasSuffix(bytes.TrimSpace(line), []byte(" "+program)) {
			continue
		}
		if err := madvise(from, to-from, unix.MADV_DONTNEED); err != nil {
			return err
		}
	}
	return nil
}

// madvise is unix.Madvise for memory that is no slice of Go's.
func madvise(from, length uintptr, advice int) error {
	if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, length, uintptr(advice)); errno != 0 {
		return errno
	}
	return nil
}
