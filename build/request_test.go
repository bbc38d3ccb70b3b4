package build

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func testConfig() Config {
	return Config{
		Namespace:   "builds",
		Registry:    "registry.example/toolforge",
		SourceImage: "registry.example/toolforged@sha256:" + hex64("source"),
		Concurrency: 2,
		Timeout:     30 * time.Minute,
		CPU:         resource.MustParse("2"),
		Memory:      resource.MustParse("2Gi"),
		Disk:        resource.MustParse("4Gi"),
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
