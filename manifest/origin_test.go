package manifest

import "testing"

func TestOriginIsOwn(t *testing.T) {
	own := Origin{Repository: "https://git.example/Tools/own.git"}
	for url, want := range map[string]bool{
		"https://git.example/Tools/own.git":         true,
		"https://git.example/tools/own":             true,
		"http://GIT.example/tools/own/":             true,
		"git://git.example/tools/own.git/":          true,
		"https://me:secret@git.example/tools/own":   true,
		"https://git.example:443/tools/own":         true,
		"https://git.example:8443/tools/own":        false,
		"https://git.example/tools/own2":            false,
		"https://git.example/tools":                 false,
		"https://git2.example/tools/own":            false,
		"git.example/tools/own":                     false,
		"":                                          false,
		"%":                                         false,
		"https://git.example/tools/own.git.git":     false,
		"https://git.example/tools/own/-/tree/main": false,
	} {
		if got := own.isOwn(url); got != want {
			t.Errorf("%q: got %v", url, got)
		}
		if (Origin{}).isOwn(url) {
			t.Errorf("%q is the own repository of a tool of which nothing is known", url)
		}
	}
}

func TestOriginFollows(t *testing.T) {
	for _, test := range []struct {
		own, ref          string
		follows, supposed bool
	}{
		{"main", "main", true, false},
		{"main", "refs/heads/main", true, false},
		{"refs/heads/feature/x", "feature/x", true, false},
		{"", "HEAD", true, false},
		{"HEAD", "main", true, true},
		{"", "refs/heads/master", true, true},
		{"master", "HEAD", true, true},
		{"", "develop", false, false},
		{"main", "master", false, false},
		{"main", "refs/tags/main", false, false},
		{"refs/tags/v1", "refs/tags/v1", true, false},
		{"develop", "HEAD", false, false},
	} {
		follows, supposed := Origin{Ref: test.own}.follows(test.ref)
		if follows != test.follows || supposed != test.supposed {
			t.Errorf("%q, when %q is followed: got %v, %v", test.ref, test.own, follows, supposed)
		}
	}
}

func TestToolImages(t *testing.T) {
	for image, want := range map[string]toolImage{
		"tool-x/tool-x:latest":                   {"tool-x", "tool-x"},
		"tool-x/web":                             {"tool-x", "web"},
		"tools-harbor.wmcloud.org/tool-x/web:v1": {"tool-x", "web"},
		"localhost:5000/tool-x/web":              {"tool-x", "web"},
		"tool-a.-b/web_1:latest":                 {"tool-a.-b", "web_1"},
		"bookworm":                               {},
		"tool-x":                                 {},
		"tool-x/":                                {},
		"x/web":                                  {},
		"a/tool-x/web":                           {},
		"registry.example/toolforge-python311:latest": {},
		"tool-x/web@sha256:0":                         {},
	} {
		if got, ok := parseToolImage(image); got != want || ok != (want != toolImage{}) {
			t.Errorf("%q: got %v, %v", image, got, ok)
		}
	}
}
