package main

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// What the tools' toolforge.yaml say.
const (
	// site is a Deployment, a Service and an Ingress.
	site = "webservice: {}\n"
	// siteAndJob is a CronJob more.
	siteAndJob = site + "jobs:\n  - name: hourly\n    schedule: \"@hourly\"\n    command: ./update\n"
)

// Fleet is a number of tools that get the same pushes. What a push of theirs comes to follows from these fields alone, so
// that the measured process holds nothing for each of them.
type Fleet struct {
	// Prefix begins the tools' names: <prefix>-0000 and so on. It has no hyphen.
	Prefix string
	// Size is how many tools there are.
	Size int
	// Commit counts the pushes to each; 0 while nothing was pushed.
	Commit int
	// Source counts those that changed the source, and so the image.
	Source int
	// Manifest is each tool's toolforge.yaml.
	Manifest string
}

func (f Fleet) name(i int) string { return fmt.Sprintf("%s-%04d", f.Prefix, i) }

func (f Fleet) names() []string {
	names := make([]string, 0, f.Size)
	for i := range f.Size {
		names = append(names, f.name(i))
	}
	return names
}

// prefixOf is the prefix of the fleet that a tool is of.
func prefixOf(tool string) string {
	prefix, _, _ := strings.Cut(tool, "-")
	return prefix
}

// commit is the id of the tool's newest commit.
func (f Fleet) commit(tool string) string { return hash(tool, "commit", f.Commit)[:40] }

// tree is the id of its source.
func (f Fleet) tree(tool string) string { return hash(tool, "tree", f.Source)[:40] }

func hash(tool, of string, n int) string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %s %d", tool, of, n)))
}
