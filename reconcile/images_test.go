package reconcile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/sources"
)

const twoBuilds = `
webservice: {}
builds:
  redis: {repository: https://git.example/redis.git, ref: v1, path: src}
  unused: {repository: https://git.example/unused.git}
jobs:
- {name: store, continuous: true, build: redis, command: redis-server}
`

// pushOther has the poller see a commit of the repository of a build.
func (d *daemon) pushOther(tool *api.Tool, build, name, source string) {
	declared := manifest.Build{Path: "src"}
	d.revisions.set(watchName(tool.Name, build), sources.Observation[Revision]{
		Commit: commit(name), Seen: commit(name), Reading: readingOf(declared), Value: Revision{Trees: map[string]string{manifest.MainBuild: source}},
	})
	d.waker.Wake(watchName(tool.Name, build))
}

// Each process runs in the image of its build, and a commit in any of the repositories is deployed.
func TestSeveralBuilds(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", twoBuilds, "tree1")
	d.untilCondition(tool, api.ImagesReady, metav1.ConditionUnknown, api.ReasonPolling)
	d.pushOther(tool, "redis", "r1", "redis1")
	d.untilServing(tool, "one")
	image := func(name string) string { return d.deployed(tool, name).Spec.Template.Spec.Containers[0].Image }
	web, store := image("webservice"), image("store")
	if !strings.Contains(web, "/main@") || !strings.Contains(store, "/redis@") {
		t.Errorf("they run in %s and %s", web, store)
	}
	if d.revisions.watches(watchName(tool.Name, "unused")) {
		t.Error("a repository is watched that nothing is built from")
	}

	d.pushOther(tool, "redis", "r2", "redis2")
	d.until("the new image to run", func() bool { return image("store") != store })
	d.until("the new image to be up", func() bool {
		d.rollOut(tool)
		serving := d.status(tool).Serving
		return serving != nil && slices.ContainsFunc(serving.Images, func(i api.Image) bool { return i.Reference == image("store") })
	})
	d.untilServing(tool, "one")
	if image("webservice") != web {
		t.Error("the other process got another image too")
	}
	if last := latest(&tool.Status); !strings.Contains(last.Cause, "of redis, was ") {
		t.Errorf("the cause is %q", last.Cause)
	}

	d.revisions.set(watchName(tool.Name, "redis"), sources.Observation[Revision]{Err: errors.New("no such repository")})
	d.push(tool, "two", twoBuilds, "tree2")
	if message := d.untilCondition(tool, api.ImagesReady, metav1.ConditionFalse, api.ReasonRepositoryFailed); !strings.Contains(message, "build redis: no such repository") {
		t.Errorf("the message is %q", message)
	}
	if serving := tool.Status.Serving; serving == nil || serving.Commit != commit("one") {
		t.Errorf("%+v serves", serving)
	}

	d.push(tool, "three", site, "tree3")
	d.untilServing(tool, "three")
	if d.revisions.watches(watchName(tool.Name, "redis")) {
		t.Error("the other repository is still watched")
	}
}

// A process may run in an image of the platform's catalogue: nothing is built for it.
func TestCatalogImage(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	name := strings.ToLower(t.Name())
	yaml := "webservice: {image: " + name + "-alias}"
	d.push(tool, "one", yaml, "tree1")
	message := d.untilCondition(tool, api.ManifestValid, metav1.ConditionFalse, api.ReasonNotAllowed)
	if problems := tool.Status.Problems; len(problems) != 1 || !strings.Contains(problems[0].Message, "the platform has no image") {
		t.Errorf("the problems are %v (%s)", problems, message)
	}

	entry := &api.CatalogImage{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: api.CatalogImageSpec{
		Image: "registry.example/images/python:3", Aliases: []string{name + "-alias"}, Command: "python3 app.py",
	}}
	if err := d.admin.Create(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.admin.Delete(t.Context(), entry) })
	d.untilCondition(tool, api.ImagesReady, metav1.ConditionUnknown, api.ReasonImageUnavailable)
	follow := func(to string) {
		t.Helper()
		entry.Status.Image = "registry.example/images/python@" + digest(to)
		apimeta.SetStatusCondition(&entry.Status.Conditions, metav1.Condition{
			Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue, Reason: api.ReasonSucceeded,
		})
		if err := d.admin.Status().Update(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	follow("first")
	d.untilServing(tool, "one")
	container := d.deployed(tool, "webservice").Spec.Template.Spec.Containers[0]
	if container.Image != entry.Status.Image || container.Command[len(container.Command)-1] != "exec python3 app.py" {
		t.Errorf("it runs %s in %s", container.Command, container.Image)
	}
	if len(tool.Status.Builds) > 0 {
		t.Errorf("builds: %+v", tool.Status.Builds)
	}
	follow("second")
	d.until("the new image to run", func() bool {
		return d.deployed(tool, "webservice").Spec.Template.Spec.Containers[0].Image == entry.Status.Image
	})
}
