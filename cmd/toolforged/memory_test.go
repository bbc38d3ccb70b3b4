package main

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// Pages of the program go, and come back when they are used.
func TestDropProgram(t *testing.T) {
	for range 3 {
		before := residentFiles(t)
		if err := dropProgram(); err != nil {
			t.Fatal(err)
		}
		after := residentFiles(t)
		t.Logf("%d kB of files before, %d after", before, after)
		if after >= before {
			t.Errorf("%d kB of files before, %d after", before, after)
		}
		if _, err := parse(required); err != nil { // the program goes on
			t.Fatal(err)
		}
	}
}

func residentFiles(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^RssFile:\s+(\d+) kB$`).FindSubmatch(status)
	if match == nil {
		t.Skip("the system does not tell")
	}
	kilobytes, err := strconv.Atoi(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes
}
