package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// MaxPaths bounds the top of a source of which a record keeps fingerprints.
const MaxPaths = 100

// maxPathBytes bounds their size, maxReason that of a reason, in bytes.
const (
	maxPathBytes = 8 << 10
	maxReason    = 1000
)

// maxChanged bounds the paths that a cause names.
const maxChanged = 10

// maxFingerprints bounds the build environment's fingerprints in a record.
const maxFingerprints = 100

// open is the record to go on with: the last one, or a new one when the inputs are new.
func open(r Request, last *api.Build) api.Build {
	key := r.Inputs.Key()
	if last != nil && last.Key == key {
		record := last.DeepCopy()
		record.Branch = r.branch()
		return *record
	}
	record := api.Build{
		Branch:        r.branch(),
		Name:          r.Name,
		Key:           key,
		Commit:        r.Commit,
		Source:        r.Inputs.Tree,
		Builder:       r.Inputs.Builder,
		Environment:   fingerprints(r.Inputs.Env),
		Configuration: r.Configuration,
		State:         api.BuildWaiting,
	}
	record.Paths = kept(r.Paths)
	if last == nil || last.Source == "" {
		record.Reason = "first build"
		return record
	}
	record.Cause = changes(last, &record)
	if last.State == api.BuildWaiting && last.Attempts == 0 {
		// It is never built: what it was to change, this one changes too, and it has its place in the queue.
		record.Replaced, record.QueuedAt = last.Replaced+1, last.QueuedAt
		record.Cause = merge(last.Cause, record.Cause)
		if last.Cause.Commit == "" {
			record.Reason = last.Reason
			return record
		}
	}
	record.Automatic = !record.Cause.Source && len(record.Cause.Environment) == 0 && !record.Cause.Configuration
	record.Reason = words(&record)
	return record
}

// changes are what is not as it was for the build before.
func changes(last, now *api.Build) api.BuildCause {
	cause := api.BuildCause{Commit: last.Commit, Source: now.Source != last.Source}
	if cause.Source && last.Paths != nil && now.Paths != nil {
		cause.Paths = differing(last.Paths, now.Paths)
		cause.Paths, cause.MorePaths = bounded(cause.Paths, 0)
	}
	if now.Builder != last.Builder {
		cause.Builder = last.Builder
	}
	cause.Environment = differing(last.Environment, now.Environment)
	if now.Configuration != last.Configuration {
		cause.Configuration, cause.ConfigurationBefore = true, last.Configuration
	}
	return cause
}

// merge is what changed in two steps.
func merge(first, then api.BuildCause) api.BuildCause {
	first.Paths, first.MorePaths = bounded(union(first.Paths, then.Paths), first.MorePaths+then.MorePaths)
	first.Source = first.Source || then.Source
	if first.Builder == "" {
		first.Builder = then.Builder
	}
	first.Environment = union(first.Environment, then.Environment)
	if !first.Configuration {
		first.Configuration, first.ConfigurationBefore = then.Configuration, then.ConfigurationBefore
	}
	return first
}

func bounded(paths []string, more int) ([]string, int) {
	kept := min(len(paths), maxChanged)
	return paths[:kept], more + len(paths) - kept
}

func union(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// differing are the names under which two maps do not have the same, sorted.
func differing(a, b map[string]string) []string {
	var names []string
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// words says a cause in a sentence, with old and new.
func words(record *api.Build) string {
	cause, parts := record.Cause, []string(nil)
	if cause.Source {
		what := "the source"
		if len(cause.Paths) > 0 {
			what = strings.Join(cause.Paths, ", ")
			if cause.MorePaths > 0 {
				what += fmt.Sprintf(" and %d more", cause.MorePaths)
			}
		}
		parts = append(parts, fmt.Sprintf("commit %.7s changed %s since %.7s", record.Commit, what, cause.Commit))
	}
	if cause.Builder != "" {
		parts = append(parts, fmt.Sprintf("builder changed: %s, was %s", record.Builder, cause.Builder))
	}
	if len(cause.Environment) > 0 {
		parts = append(parts, "build environment changed: "+strings.Join(cause.Environment, ", "))
	}
	if cause.Configuration {
		parts = append(parts, fmt.Sprintf("configuration changed: %s, was %s", orNothing(record.Configuration), orNothing(cause.ConfigurationBefore)))
	}
	if len(parts) == 0 {
		return "the builder's buildpacks changed"
	}
	return oneLine(strings.Join(parts, "; "), maxReason)
}

// kept are the fingerprints that a record keeps: none when they are too many or too long, or cannot be written down.
func kept(paths map[string]string) map[string]string {
	size := 0
	for path, print := range paths {
		size += len(path) + len(print)
		if !utf8.ValidString(path) {
			return nil
		}
	}
	if len(paths) > MaxPaths || size > maxPathBytes {
		return nil
	}
	return paths
}

func orNothing(text string) string {
	if text == "" {
		return "nothing declared"
	}
	return text
}

// fingerprints stand for the values of variables, which a record does not show.
func fingerprints(env map[string]string) map[string]string {
	if len(env) == 0 || len(env) > maxFingerprints {
		return nil
	}
	prints := make(map[string]string, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		sum := sha256.Sum256([]byte(name + "\x00" + env[name]))
		prints[name] = hex.EncodeToString(sum[:6])
	}
	return prints
}
