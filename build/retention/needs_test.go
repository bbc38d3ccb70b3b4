package retention

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
)

func key(n byte) string    { return string(slices.Repeat([]byte{n}, 32)) }
func digest(n byte) string { return "sha256:" + string(slices.Repeat([]byte{n}, 64)) }

func image(n byte) api.Image {
	return api.Image{Name: "main", Reference: "registry.example/tool-wiki/main@" + digest(n)}
}

func past(n byte, outcome api.BuildOutcome) api.PastBuild {
	return api.PastBuild{Name: "main", Key: key(n), Outcome: outcome}
}

func deployed(n byte, outcome api.Outcome) api.PastDeployment {
	return api.PastDeployment{Images: []api.Image{image(n)}, Outcome: outcome}
}

func TestNeeds(t *testing.T) {
	serving := &api.Deployment{Images: []api.Image{image('a')}}
	for name, test := range map[string]struct {
		tool    *api.ToolStatus
		objects string
		// images are the keys of images that stay, of those from 1 to 9 that have a digest of the same digits and of a to f; logs
		// and caches likewise.
		images, logs, caches string
	}{
		"gone":                 {nil, "", "", "", ""},
		"gone, something runs": {nil, "image: x@" + digest('3'), "3", "", ""},
		"nothing is known":     {&api.ToolStatus{}, "", "123456789abcdef", "123456789abcdef", "default branch-old"},
		"no build any more":    {&api.ToolStatus{Serving: serving}, "", "a", "", ""},
		"what serves, what is being deployed": {
			&api.ToolStatus{Serving: serving, Deploying: &api.Deployment{Images: []api.Image{image('b')}}}, "", "ab", "", ""},
		"a build under way": {
			&api.ToolStatus{Builds: []api.Build{{Name: "main", Key: key('1'), State: api.BuildRunning}}}, "", "1", "1", "default"},
		"its own branch": {
			&api.ToolStatus{Builds: []api.Build{{Name: "main", Key: key('1'), Branch: "old"}}}, "", "1", "1", "default branch-old"},
		"the newest builds": {
			&api.ToolStatus{Builds: []api.Build{{Name: "main", Key: key('1')}}, BuildHistory: []api.PastBuild{
				past('2', api.BuildOutcomeFailed), past('3', api.BuildOutcomeSucceeded), past('4', api.BuildOutcomeSucceeded),
				past('5', api.BuildOutcomeRunning), past('6', api.BuildOutcomeSucceeded)}}, "", "135", "123456", "default"},
		"the newest builds of another name": {
			&api.ToolStatus{BuildHistory: []api.PastBuild{
				past('3', api.BuildOutcomeSucceeded), past('3', api.BuildOutcomeSucceeded), past('4', api.BuildOutcomeSucceeded), past('5', api.BuildOutcomeSucceeded)}},
			"", "34", "345", ""},
		"the newest deployments": {
			&api.ToolStatus{Serving: serving, History: []api.PastDeployment{
				deployed('f', api.OutcomeFailed), deployed('a', api.OutcomeSucceeded), deployed('c', api.OutcomeSucceeded),
				deployed('a', api.OutcomeSucceeded), deployed('d', api.OutcomeSucceeded), deployed('e', api.OutcomeProgressing)}}, "", "ace", "", ""},
		"an object names a tag": {&api.ToolStatus{Serving: serving}, "registry.example/tool-wiki/main:" + key('7'), "7a", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var tool *api.Tool
			if test.tool != nil {
				tool = &api.Tool{ObjectMeta: metav1.ObjectMeta{Name: "wiki"}, Status: *test.tool}
			}
			objects := words{}
			objects.add([]byte(test.objects))
			n := needsOf(tool, objects, 2)
			var images, logs, caches string
			for _, c := range []byte("123456789abcdef") {
				if n.has(item{build.Repository{Kind: build.OfImages, Tool: "wiki", Build: "main"}, key(c), digest(c), false}) {
					images += string(c)
				}
				if n.has(item{build.Repository{Kind: build.OfLogs, Tool: "wiki", Build: "main"}, key(c) + "-1", "", false}) {
					logs += string(c)
				}
			}
			for _, tag := range []string{"default", "branch-old"} {
				is := tag
				if tag != "default" {
					is = build.CacheTag("old")
				}
				if n.has(item{build.Repository{Kind: build.OfCaches, Tool: "wiki", Build: "main"}, is, "", false}) {
					if caches != "" {
						caches += " "
					}
					caches += tag
				}
			}
			if images != test.images || logs != test.logs || caches != test.caches {
				t.Errorf("stay: images %q logs %q caches %q; want %q %q %q", images, logs, caches, test.images, test.logs, test.caches)
			}
		})
	}
}

// What no build makes is left alone, also of a tool that is gone.
func TestStrangersStay(t *testing.T) {
	repository := build.Repository{Kind: build.OfImages, Tool: "wiki", Build: "main"}
	for _, i := range []item{
		{repository: repository, tag: "latest", digest: digest('1')},
		{repository: repository, tag: "sha256-" + key('1') + key('1') + ".sig", digest: digest('2')},
		{repository: repository, tag: key('1'), digest: digest('3'), index: true},
	} {
		if !needsOf(nil, words{}, 1).has(i) {
			t.Errorf("%s may be removed", i.tag)
		}
	}
}
