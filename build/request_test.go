package build

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func testConfig() Config {
	return Config{
		Namespace:    "builds",
		Registry:     "registry.example/toolforge",
		ProgramImage: "registry.example/toolforged@sha256:" + hex64("source"),
		Concurrency:  2,
		Timeout:      30 * time.Minute,
		CPU:          resource.MustParse("2"),
		Memory:       resource.MustParse("2Gi"),
		Disk:         resource.MustParse("4Gi"),
		ImageSize:    resource.MustParse("2Gi"),
		CacheSize:    resource.MustParse("1Gi"),
	}
}

func testRequest() Request {
	return Request{
		Tool:       "wiki",
		Owner:      metav1.OwnerReference{APIVersion: "toolforge.org/v1alpha1", Kind: "Tool", Name: "wiki", UID: "0f3a"},
		Name:       "main",
		Repository: "https://git.example/wiki.git",
		Commit:     "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
		Inputs: Inputs{
			Tree:    "aaaabbbbccccddddeeeeffff0000111122223333",
			Builder: "registry.example/builder@sha256:" + hex64("builder"),
			Env:     map[string]string{"NODE_ENV": "production", "A": "1"},
		},
		RunImage:    "registry.example/run@sha256:" + hex64("run"),
		PlatformAPI: "0.15",
	}
}

// with is the request with changed inputs.
func (r Request) with(change func(*Inputs)) Request {
	r.Inputs.Env = maps.Clone(r.Inputs.Env)
	change(&r.Inputs)
	return r
}

func hex64(of string) string { return Inputs{Tree: of}.Key() + Inputs{Tree: of + "'"}.Key() }

func TestCaches(t *testing.T) {
	tag := regexp.MustCompile(`^registry.example/toolforge/cache/tool-wiki/main:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	seen := make(map[string]string)
	for _, branch := range []string{"HEAD", "main", "feature/x", "feature-x", "Feature/x", "é", "é/", "-", strings.Repeat("x", 250), strings.Repeat("x", 251)} {
		r := testRequest()
		r.Branch = branch
		own, fallback := testConfig().caches(r)
		if !tag.MatchString(own) {
			t.Errorf("branch %q: %s is no reference", branch, own)
		}
		if other, taken := seen[own]; taken {
			t.Errorf("branches %q and %q share %s", branch, other, own)
		}
		seen[own] = branch
		if want := "registry.example/toolforge/cache/tool-wiki/main:default"; branch == "HEAD" && own != want || branch != "HEAD" && fallback != want {
			t.Errorf("branch %q: %s, fallback %s", branch, own, fallback)
		}
	}
}
