package retention

import (
	"maps"
	"time"

	"github.com/toolforge/toolforged/build"
)

// item is a tag in a repository of a tool's.
type item struct {
	repository build.Repository
	tag        string
	// digest is what is behind it; empty when it was not asked for, which is only of caches and logs that are not ripe.
	digest string
	// index tells that it is a list of images, which no build makes.
	index bool
}

// name is the item's below the registry's prefix.
func (i item) name() string { return i.repository.Path() + ":" + i.tag }

// marks say since when nothing has needed each item, by its name.
type marks map[string]time.Time

// ripe tells whether an item has been marked for long enough.
func (p Policy) ripe(i item, was marks, now time.Time) bool {
	since, marked := was[i.name()]
	return marked && now.Sub(since) >= p.Age
}

// plan says how the marks of a tool's items become, and which items may be removed: those that were marked in an earlier pass, long
// enough ago, and are still not needed. What is removed is what is behind a tag, with every other tag that leads there: so all of
// them must be such.
func (p Policy) plan(items []item, needed needs, was marks, now time.Time) (next marks, due []item) {
	next = marks{}
	type manifest struct{ repository, digest string }
	stays := map[manifest]bool{}
	for _, i := range items {
		switch at := (manifest{i.repository.Path(), i.digest}); {
		case needed.has(i):
			stays[at] = true
		case p.ripe(i, was, now):
			next[i.name()] = was[i.name()]
		default:
			next[i.name()] = now
			if since, marked := was[i.name()]; marked {
				next[i.name()] = since
			}
			stays[at] = true
		}
	}
	for _, i := range items {
		_, marked := next[i.name()]
		if marked && i.digest != "" && p.ripe(i, was, now) && !stays[manifest{i.repository.Path(), i.digest}] {
			due = append(due, i)
		}
	}
	return next, due
}

// soonest is when the first of the marks is ripe, or latest when that comes first.
func (p Policy) soonest(m marks, latest time.Time) time.Time {
	for since := range maps.Values(m) {
		if at := since.Add(p.Age); at.Before(latest) {
			latest = at
		}
	}
	return latest
}
