package main

import (
	"bufio"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How often the disk is looked at: as often as takes a twentieth of one processor, and at most once in this time.
const (
	diskCheck = time.Second
	diskShare = 20
)

// watchDisk looks at what directories hold until they hold more than limit bytes together, and then calls over, once; or until
// the context is done. The kubelet looks more seldom, and its verdict takes minutes.
func watchDisk(ctx context.Context, dirs []string, limit int64, over func(used int64)) {
	for {
		begin := time.Now()
		if used := diskUsage(ctx, dirs); used > limit {
			over(used)
			return
		}
		timer := time.NewTimer(max(diskCheck, diskShare*time.Since(begin)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// diskUsage is what directories take on disk, in bytes; a file with several names counts once. What cannot be read is left
// out, as is a directory that another one of them holds, or that is on another file system than the one that holds it.
func diskUsage(ctx context.Context, dirs []string) int64 {
	type inode struct{ device, number uint64 }
	seen := make(map[inode]bool)
	var used int64
	for _, dir := range dirs {
		var device uint64
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return fs.SkipAll
			}
			if err != nil {
				return nil
			}
			info, err := entry.Info()
			if err != nil {
				return nil // it is gone
			}
			stat, ok := info.Sys().(*syscall.Stat_t)
			if !ok {
				return nil
			}
			if path == dir {
				device = stat.Dev
			}
			id := inode{stat.Dev, stat.Ino}
			if entry.IsDir() && (stat.Dev != device || seen[id]) {
				return fs.SkipDir
			}
			if entry.IsDir() || stat.Nlink > 1 {
				if seen[id] {
					return nil
				}
				seen[id] = true
			}
			used += stat.Blocks * 512
			return nil
		})
	}
	return used
}

// Where a container finds how many of its processes were killed for want of memory, in control groups of version 2 and 1.
var oomFiles = []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"}

// oomKills counts the processes of this container that were killed because it used more memory than it may; 0 when that is
// not known.
func oomKills() int {
	for _, file := range oomFiles {
		if kills, ok := oomKillsIn(file); ok {
			return kills
		}
	}
	return 0
}

func oomKillsIn(path string) (int, bool) {
	file, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), "oom_kill "); found {
			kills, err := strconv.Atoi(text)
			return kills, err == nil
		}
	}
	return 0, false
}
