package sources

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPlaceOf(t *testing.T) {
	want := Place{Host: "forge.example", Path: "group/tool"}
	for _, address := range []string{
		"https://forge.example/group/tool.git", "http://Forge.Example/Group/Tool", "https://forge.example/group/tool/",
		"https://forge.example:8443/group/tool.git/", "ssh://git@forge.example:2222/group/tool.git", "git@forge.example:group/tool.git",
		"forge.example:/group/tool", "git://forge.example/group/tool.git", "https://user:password@forge.example/group/tool",
	} {
		if got, ok := PlaceOf(address); !ok || got != want {
			t.Errorf("%s: %+v, %t", address, got, ok)
		}
	}
	for _, address := range []string{"", "/", "https://", "https://forge.example", "https://forge.example/", "group/tool", ":", "forge.example:", "%", "https://forge.example/" + strings.Repeat("x", maxURL)} {
		if got, ok := PlaceOf(address); ok {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

func FuzzPlaceOf(f *testing.F) {
	for _, address := range []string{"https://forge.example/group/tool.git", "git@forge.example:group/tool.git", "ssh://[::1]:22/a", ":::", "a@b@c:d", "https://x/%2f%2e"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		place, ok := PlaceOf(address)
		if ok && (place.Host == "" || place.Path == "" || place.Below || !place.holds(place)) {
			t.Errorf("%q: %+v", address, place)
		}
	})
}

func TestPollerHastenAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		const gerrit = "https://gerrit.example/r/tools/hello"
		urls := []string{"https://forge.example/group/tool.git", "http://other.example/group/tool", gerrit}
		for _, url := range urls {
			b.source.set(url, id("a"), nil)
			b.Watch(url, Repository{URL: url}, "", hour)
		}
		b.Watch("another ref", Repository{URL: urls[0], Ref: "x"}, "", hour)
		b.pass(time.Minute)
		b.source.asked("")
		place, _ := PlaceOf("git@FORGE.example:group/tool")
		for _, test := range []struct {
			place Place
			asked map[string]int
		}{
			{place, map[string]int{urls[0]: 2}},
			{Place{Host: "forge.example", Path: "tool"}, nil},
			{Place{}, nil},
			{PlaceBelow("", ""), nil},
			{PlaceBelow("", "group/tool"), map[string]int{urls[0]: 2, urls[1]: 1}},
			{PlaceBelow("gerrit.example", "tools/hello"), map[string]int{gerrit: 1}},
			{PlaceBelow("gerrit.example", "hello"), map[string]int{gerrit: 1}},
			{PlaceBelow("gerrit.example", "ello"), nil},
			{PlaceBelow("forge.example", "tools/hello"), nil},
		} {
			want := 0
			for _, n := range test.asked {
				want += n
			}
			if found := b.HastenAt([]Place{test.place, test.place}); found != want {
				t.Errorf("%+v: found %d, want %d", test.place, found, want)
			}
			b.pass(2 * time.Second)
			for _, url := range urls {
				if n := b.source.asked(url); n != test.asked[url] {
					t.Errorf("%+v: %s was asked %d times, want %d", test.place, url, n, test.asked[url])
				}
			}
		}
	})
}
