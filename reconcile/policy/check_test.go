package policy

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

func read(t *testing.T, yaml string) *manifest.Manifest {
	t.Helper()
	m, problems := manifest.Parse([]byte(yaml), manifest.Origin{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return m
}

// class has a quota of these pairs.
func class(pairs ...string) *Class {
	return &Class{QuotaClass: render.QuotaClass{Quota: list(pairs...)}}
}

func list(pairs ...string) corev1.ResourceList {
	resources := make(corev1.ResourceList)
	for i := 0; i < len(pairs); i += 2 {
		resources[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return resources
}

const (
	less      = ": ask for less, or the administrators for a larger quota class"
	fewer     = ": declare fewer, or ask the administrators for a larger quota class"
	threeBig  = "webservice:\n  replicas: 3\n  memory: 3Gi\n"
	manyKinds = `webservice: {memory: 1Gi}
jobs:
  - {name: a, continuous: true, command: ./a, memory: 2Gi}
  - {name: b, continuous: true, command: ./b, port: 80, replicas: 2, memory: 512Mi, cpu: 500m}
  - {name: c, continuous: true, command: ./c, memory: 100Mi}
  - {name: off, continuous: true, command: ./off, replicas: 0, memory: 20Gi, cpu: "20"}
  - {name: d, schedule: "@daily", command: ./d, memory: 3Gi}
  - {name: e, schedule: "@hourly", command: ./e}
  - {name: f, pre_deploy: true, command: ./f}
`
)

func TestQuota(t *testing.T) {
	for name, test := range map[string]struct {
		yaml  string
		class *Class
		want  []string
	}{
		"nothing bounded": {threeBig, class(), nil},
		"nothing to run":  {"jobs: []\n", class("pods", "0"), nil},
		"more than it may": {threeBig, class("limits.memory", "8Gi"), []string{
			"3:11 the file asks for 9Gi of memory over its processes, the tool may use 8Gi (`webservice` 3 × 3Gi)" + less}},
		"no room for a rollout": {threeBig, class("limits.memory", "9Gi"), []string{
			"3:11 the file asks for 9Gi of memory over its processes, and for 3Gi more while a new `webservice` starts beside the old one; the tool may use 9Gi" + less}},
		"almost room for a rollout": {threeBig, class("limits.memory", "12884901887"), []string{
			"3:11 the file asks for 9Gi of memory over its processes, and for 3Gi more while a new `webservice` starts beside the old one; the tool may use 12884901887" + less}},
		"exactly room for a rollout": {threeBig, class("limits.memory", "12Gi"), nil},
		"what is set aside is half":  {threeBig, class("requests.memory", "6Gi"), nil},
		"less than is set aside": {threeBig, class("requests.memory", "5Gi"), []string{
			"3:11 the file asks for 4608Mi of memory to be set aside over its processes, and for 1536Mi more while a new `webservice` starts beside the old one; the tool may have 5Gi" + less}},
		"by its short name": {threeBig, class("memory", "4Gi"), []string{
			"3:11 the file asks for 4608Mi of memory to be set aside over its processes, the tool may have 4Gi (`webservice` 3 × 1536Mi)" + less}},
		"the largest are listed": {manyKinds, class("limits.memory", "4Gi"), []string{
			"3:55 the file asks for 4196Mi of memory over its processes, the tool may use 4Gi (`a` 2Gi, `webservice` 1Gi, `b` 2 × 512Mi, and 1 smaller)" + less}},
		"no room for a run": {manyKinds, class("limits.memory", "7Gi"), []string{
			"7:57 the file asks for 4196Mi of memory over its processes, and for 3Gi more while `d` runs; the tool may use 7Gi" + less}},
		"room for each run alone": {manyKinds, class("limits.memory", "7268Mi"), nil},
		"runs are not summed up": {
			"jobs:\n  - {name: a, schedule: '@daily', command: ./a, memory: 4Gi}\n  - {name: b, schedule: '@daily', command: ./b, memory: 4Gi, concurrency: allow}\n",
			class("limits.memory", "4Gi"), nil},
		"a run that never has room": {"jobs:\n  - {name: a, schedule: '@daily', command: ./a, memory: 4Gi}\n", class("limits.memory", "3Gi"), []string{
			"2:57 the file asks for 4Gi of memory while `a` runs, the tool may use 3Gi" + less}},
		"a pre-deploy job": {"webservice: {}\njobs:\n  - {name: a, pre_deploy: true, command: ./a, memory: 2Gi}\n", class("limits.memory", "2Gi"), []string{
			"3:55 the file asks for 512Mi of memory over its processes, and for 2Gi more while `a` runs; the tool may use 2Gi" + less}},
		"cpu": {"webservice: {replicas: 2, cpu: 1500m}\n", class("limits.cpu", "2"), []string{
			"1:32 the file asks for 3 cpu over its processes, the tool may use 2 (`webservice` 2 × 1500m)" + less}},
		"cpu that is not written": {"webservice: {replicas: 4}\n", class("limits.cpu", "4"), []string{
			"1:13 the file asks for 4 cpu over its processes, and for 1 more while a new `webservice` starts beside the old one; the tool may use 4" + less}},
		"cpu set aside":      {"webservice: {replicas: 4}\n", class("requests.cpu", "500m"), nil},
		"more cpu set aside": {"webservice: {replicas: 5}\n", class("cpu", "500m"), []string{"1:13 the file asks for 500m cpu to be set aside over its processes, and for 100m more while a new `webservice` starts beside the old one; the tool may have 500m" + less}},
		"pods":               {manyKinds, class("pods", "6"), nil},
		"no pod for a rollout": {manyKinds, class("pods", "5"), []string{
			"1:13 the file asks for 5 pods over its processes, and for 1 more while a new `webservice` starts beside the old one; the tool may have 5" + less}},
		"too many pods": {manyKinds, class("pods", "4"), []string{
			"4:67 the file asks for 5 pods over its processes, the tool may have 4 (`b` 2, `webservice` 1, `a` 1, and 1 smaller)" + less}},
		"pods that have ended count too": {manyKinds, class("count/pods", "9"), []string{
			"1:13 the file asks for 9 pods over its processes, and for 1 more while a new `webservice` starts beside the old one; the tool may have 9" + less}},
		"deployments": {manyKinds, class("count/deployments.apps", "5"), nil},
		"too many deployments": {manyKinds, class("count/deployments.apps", "3"), []string{
			"5:5 the file comes to 5 Deployments, one for the webservice and for each continuous job; the tool may have 3" + fewer}},
		"too many services": {manyKinds, class("services", "1", "count/services", "2"), []string{
			"4:5 the file comes to 2 Services, one for the webservice and for each job with a port; the tool may have 1" + fewer}},
		"no ingress": {manyKinds, class("count/ingresses.networking.k8s.io", "0"), []string{
			"1:13 the file comes to 1 Ingress, for the webservice; the tool may have 0" + fewer}},
		"too many cron jobs": {manyKinds, class("count/cronjobs.batch", "1"), []string{
			"8:5 the file comes to 2 CronJobs, one for each scheduled job; the tool may have 1" + fewer}},
		"jobs": {manyKinds, class("count/jobs.batch", "5"), nil},
		"too many jobs": {manyKinds, class("count/jobs.batch", "4"), []string{
			"8:5 the file comes to 5 Jobs at a time: of each scheduled job the last that succeeded and the last that failed, and one that runs; the tool may have 4" + fewer}},
		"too many secrets": {"webservice: {secrets: {B: {from: two}, C: {from: one}}}\nsecrets: {A: {from: one}}\n", class("secrets", "1"), []string{
			"1:27 the file comes to 2 Secrets, one for each name under `from`; the tool may have 1" + fewer}},
		"not known": {threeBig, class("requests.nvidia.com/gpu", "0", "configmaps", "0", "count/widgets.example.org", "0"), nil},
		"several": {threeBig, class("limits.memory", "8Gi", "pods", "2"), []string{
			"2:13 the file asks for 3 pods over its processes, the tool may have 2 (`webservice` 3)" + less,
			"3:11 the file asks for 9Gi of memory over its processes, the tool may use 8Gi (`webservice` 3 × 3Gi)" + less}},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, Check(read(t, test.yaml), Allowed{Class: test.class}), test.want)
		})
	}
}

func expect(t *testing.T, problems manifest.Problems, want []string) {
	t.Helper()
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestContainers(t *testing.T) {
	bounded := &Class{QuotaClass: render.QuotaClass{Limits: render.ContainerLimits{Max: list("cpu", "500m", "memory", "6Gi")}}}
	const yaml = "webservice: {memory: 8Gi, cpu: 500m}\njobs:\n  - {name: a, schedule: '@daily', command: ./a}\n"
	expect(t, Check(read(t, yaml), Allowed{Class: bounded}), []string{
		"1:22 `webservice` asks for 8Gi of memory, one process of the tool may use 6Gi: write `memory: 6Gi`, or ask the administrators for a larger quota class",
		"3:5 `a` asks for 1 cpu, one process of the tool may use 500m: write `cpu: 500m`, or ask the administrators for a larger quota class",
	})
}

func TestBuilders(t *testing.T) {
	const yaml = "build: {builder: bokworm}\nbuilds:\n  other: {builder: trixie}\n  third: {path: app}\nwebservice: {}\njobs:\n  - {name: a, continuous: true, build: third, command: ./a}\n"
	known := []string{"bookworm", "trixie"}
	for name, test := range map[string]struct {
		builders, allowed []string
		byDefault         string
		want              []string
	}{
		"not known":   {nil, nil, "", nil},
		"unknown":     {known, nil, "trixie", []string{"1:18 the platform has no builder \"bokworm\": did you mean `bookworm`?"}},
		"none at all": {[]string{}, nil, "", []string{"1:18 the platform has no builder \"bokworm\": it has none", "3:20 the platform has no builder \"trixie\": it has none"}},
		"not allowed": {append(known, "bokworm"), []string{"bokworm"}, "bookworm", []string{
			"3:20 the tool may not use the builder \"trixie\": write one of `bokworm`, or ask the administrators to allow it",
			"4:10 the tool may not use the builder \"bookworm\", which builds where `builder` names none: write one of `bokworm`, or ask the administrators to allow it"}},
		"none allowed": {append(known, "bokworm"), []string{"gone"}, "", []string{
			"1:18 the tool may not use the builder \"bokworm\": ask the administrators to allow it",
			"3:20 the tool may not use the builder \"trixie\": ask the administrators to allow it"}},
	} {
		t.Run(name, func(t *testing.T) {
			what := Allowed{Class: &Class{Builders: test.allowed}, Builders: test.builders, DefaultBuilder: test.byDefault}
			expect(t, Check(read(t, yaml), what), test.want)
		})
	}
}

func TestImages(t *testing.T) {
	const yaml = "webservice: {image: php8.4}\njobs:\n  - {name: a, schedule: '@daily', image: pyhton3.13, command: ./a}\n  - {name: b, schedule: '@daily', image: bash, command: ./b}\n"
	expect(t, Check(read(t, yaml), Allowed{}), nil)
	expect(t, Check(read(t, yaml), Allowed{Images: map[string]ImageOffer{"php8.4": {HasCommand: true}, "bash": {}, "python3.13": {}}}), []string{
		"3:42 the platform has no image \"pyhton3.13\": did you mean `python3.13`?"})
	expect(t, Check(read(t, yaml), Allowed{Images: map[string]ImageOffer{"php8.4": {}, "bash": {}, "pyhton3.13": {}}}), []string{
		"1:21 the image \"php8.4\" does not serve by itself: write the `command` that does"})
	expect(t, Check(read(t, yaml), Allowed{Images: map[string]ImageOffer{}}), []string{
		"1:21 the platform has no image \"php8.4\": it has none", "3:42 the platform has no image \"pyhton3.13\": it has none",
		"4:42 the platform has no image \"bash\": it has none"})
}

func TestHosts(t *testing.T) {
	const yaml = `webservice:
  hosts:
    - www.mine.org
    - www.other.org
    - nobodys.org
    - wiki.tools.example
    - other.tools.example
    - deep.other.tools.example
    - deep.wiki.tools.example
    - tools.example
    - xtools.example
`
	owners := map[string]string{"www.mine.org": "wiki", "www.other.org": "other", "xtools.example": "wiki", "other.tools.example": "wiki"}
	m := read(t, yaml)
	expect(t, Check(m, Allowed{Tool: "wiki", Domain: "tools.example", Hosts: owners}), []string{
		"4:7 `www.other.org` belongs to tool other: leave it out, or ask the administrators to move it",
		"5:7 `nobodys.org` is not this tool's: ask the administrators to add it to `spec.hosts` of Tool wiki",
		"6:7 `wiki.tools.example` is the tool's own name: it has it without being told, leave it out",
		"7:7 `other.tools.example` belongs to tool other, as every name below `tools.example` does to the tool of that name: leave it out",
		"8:7 `deep.other.tools.example` belongs to tool other, as every name below `tools.example` does to the tool of that name: leave it out",
		"9:7 `deep.wiki.tools.example` is below the tool's own name, where there are no others: leave it out",
		"10:7 `tools.example` is the platform's own: leave it out",
	})
	if diff := cmp.Diff([]string{"www.mine.org", "xtools.example"}, Served(m.Webservice.Hosts, "wiki", "tools.example", owners)); diff != "" {
		t.Errorf("hosts that are served (-want +got):\n%s", diff)
	}
}

func TestMounts(t *testing.T) {
	const yaml = "webservice: {mount: all}\njobs:\n  - {name: a, schedule: '@daily', command: ./a, mount: none}\n"
	m := read(t, yaml)
	expect(t, Check(m, Allowed{}), []string{"1:21 the platform has no shared volumes: leave `mount` out"})
	expect(t, Check(m, Allowed{Volumes: 1}), nil)
	expect(t, Check(m, Allowed{Volumes: 1, Class: &Class{Mounts: true}}), nil)
	expect(t, Check(m, Allowed{Volumes: 1, Class: &Class{}}), []string{
		"1:21 the tool may not use the platform's shared volumes: leave `mount` out, or ask the administrators for a quota class that has them"})
}

// What is counted is what is rendered.
func TestCountsAreTheRendered(t *testing.T) {
	m := read(t, manyKinds)
	m.Jobs = m.Jobs[:len(m.Jobs)-1] // the pre-deploy job is no lasting object
	objects, err := render.Objects(render.Input{Tool: "wiki", Namespace: "tool-wiki", Manifest: m, Domain: "example.org"})
	if err != nil {
		t.Fatal(err)
	}
	rendered := map[string]int{}
	for _, object := range objects {
		rendered[object.GetKind()]++
	}
	c := &checker{m: m}
	for i, kind := range []string{"Deployment", "Service", "Ingress", "CronJob"} {
		if got := len(c.counts(c.processes())[i].paths); got != rendered[kind] {
			t.Errorf("%d of kind %s are counted, %d rendered", got, kind, rendered[kind])
		}
	}
}
