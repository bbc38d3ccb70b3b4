package policy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

const whole = `
quotaClasses:
  default:
    quota: {limits.memory: 8Gi, pods: 16}
    limits:
      default: {cpu: 500m, memory: 512Mi}
      defaultRequest: {cpu: 150m, memory: 256Mi}
      max: {cpu: "3", memory: 6Gi}
  large:
    quota: {limits.memory: 16Gi, pods: 16}
    builders: [bookworm]
    mounts: true
volumes:
  - name: home
    mountPath: /data/project/${tool}
    capacity: 10Gi
    source: {nfs: {server: nfs.example, path: "/srv/tools/${tool}"}}
    env: {HOME: "/data/project/${tool}"}
  - {name: dumps, mountPath: /public/dumps, readOnly: true, capacity: 1, source: {nfs: {server: nfs.example, path: /dumps}}}
kinds:
  - {group: "", version: v1, kind: ConfigMap, resource: configmaps}
  - {group: batch, version: v1, kind: Job, resource: jobs}
`

func TestParse(t *testing.T) {
	p, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if memory := p.Classes["large"].Quota[corev1.ResourceLimitsMemory]; memory.String() != "16Gi" {
		t.Errorf("the large class has %s of memory", memory.String())
	}
	if cpu := p.Classes["default"].Limits.Max[corev1.ResourceCPU]; cpu.String() != "3" {
		t.Errorf("a container of the default class has at most %s cpu", cpu.String())
	}
	if large := p.Classes["large"]; !large.Mounts || !cmp.Equal(large.Builders, []string{"bookworm"}) {
		t.Errorf("the large class is %+v", large)
	}
	if len(p.Mounted("default")) != 0 || len(p.Mounted("none")) != 0 || len(p.Mounted("large")) != 2 {
		t.Error("not only the large class has the volumes")
	}
	if unbounded := (Policy{Volumes: p.Volumes}); len(unbounded.Mounted("any")) != 2 {
		t.Error("without classes, not every tool has the volumes")
	}
	home, dumps := p.Volumes[0], p.Volumes[1]
	if home.Source.NFS == nil || home.Source.NFS.Path != "/srv/tools/${tool}" || home.ReadOnly || !dumps.ReadOnly {
		t.Errorf("the volumes are %+v", p.Volumes)
	}
	want := []Kind{
		{schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, "configmaps"},
		{schema.GroupVersionKind{Group: "batch", Version: "v1", Kind: "Job"}, "jobs"},
	}
	if diff := cmp.Diff(want, p.Kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if p, err := Parse(nil); err != nil || p.Classes != nil {
		t.Errorf("an empty file is %+v, %v; want no bounds", p, err)
	}
}

func TestParseRefuses(t *testing.T) {
	class := func(text string) string { return "quotaClasses: {" + text + "}" }
	volume := func(text string) string { return "volumes: [{" + text + "}]" }
	const good = "name: home, mountPath: /home, capacity: 1Gi, source: {hostPath: {path: /home}}"
	if _, err := Parse([]byte(volume(good))); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ yaml, want string }{
		"key of the file":      {"quotaClass: {}", `"quotaClass"`},
		"key of a class":       {class("default: {quotas: {pods: 1}}"), `"quotas"`},
		"key of limits":        {class("default: {limits: {min: {cpu: 1}}}"), `"min"`},
		"value":                {class("default: {quota: {pods: many}}"), `pods is "many"`},
		"no value":             {class("default: {quota: {pods: }}"), "pods is null"},
		"negative":             {class("default: {limits: {max: {cpu: -1}}}"), "cpu is -1"},
		"twice":                {class("default: {}, default: {}"), `"default"`},
		"name of a class":      {class("Big Tools: {}"), `"Big Tools"`},
		"no builders":          {class("default: {builders: []}"), "builders is empty"},
		"no mapping":           {"[default]", "array"},
		"name of a volume":     {volume("name: Home, mountPath: /home, capacity: 1Gi, source: {hostPath: {path: /home}}"), `volumes[0] "Home": a name is at most 63`},
		"relative path":        {volume("name: home, mountPath: home, capacity: 1Gi, source: {hostPath: {path: /home}}"), `mountPath is "home"`},
		"path that climbs":     {volume("name: home, mountPath: /home/../etc, capacity: 1Gi, source: {hostPath: {path: /home}}"), `mountPath is "/home/../etc"`},
		"path that is all":     {volume("name: home, mountPath: /, capacity: 1Gi, source: {hostPath: {path: /home}}"), `mountPath is "/"`},
		"no capacity":          {volume("name: home, mountPath: /home, source: {hostPath: {path: /home}}"), "capacity is missing"},
		"no source":            {volume("name: home, mountPath: /home, capacity: 1Gi"), "source must have one key"},
		"empty source":         {volume("name: home, mountPath: /home, capacity: 1Gi, source: {}"), "it has 0"},
		"two sources":          {volume("name: home, mountPath: /home, capacity: 1Gi, source: {hostPath: {path: /a}, nfs: {server: b, path: /c}}"), "it has 2"},
		"unknown source":       {volume("name: home, mountPath: /home, capacity: 1Gi, source: {floppy: {path: /a}}"), `"floppy"`},
		"unknown in a source":  {volume("name: home, mountPath: /home, capacity: 1Gi, source: {nfs: {server: b, paht: /c}}"), `"paht"`},
		"key of a volume":      {volume("name: home, mount: /home"), `"mount"`},
		"other placeholder":    {volume(`name: home, mountPath: /home, capacity: 1Gi, source: {nfs: {server: b, path: "/${user}"}}`), "`${tool}` is all that is filled in"},
		"placeholder in path":  {volume(`name: home, mountPath: "/home/${tool", capacity: 1Gi, source: {hostPath: {path: /a}}`), "`${tool}` is all"},
		"placeholder in env":   {volume(good + `, env: {HOME: "/home/${TOOL}"}`), "HOME is"},
		"name of a variable":   {volume(good + `, env: {"MY HOME": /home}`), `"MY HOME" is no name`},
		"two of one name":      {"volumes: [{" + good + "}, {name: home, mountPath: /other, capacity: 1Gi, source: {hostPath: {path: /a}}}]", "another volume"},
		"one within the other": {"volumes: [{" + good + "}, {name: other, mountPath: /home/deep, capacity: 1Gi, source: {hostPath: {path: /a}}}]", "another volume"},
		"kind without":         {"kinds: [{group: batch, version: v1, kind: Job}]", "resource must be given"},
		"kind in lower case":   {"kinds: [{version: v1, kind: pod, resource: pods}]", `kind is "pod"`},
		"resource":             {"kinds: [{version: v1, kind: Pod, resource: Pods}]", `resource is "Pods"`},
		"group":                {"kinds: [{group: Batch, version: v1, kind: Pod, resource: pods}]", `group is "Batch"`},
		"version":              {"kinds: [{version: 1, kind: Pod, resource: pods}]", `version is "1"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse([]byte(test.yaml)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %s", err, test.want)
			}
		})
	}
}

// FuzzParse: no file makes it panic, and what it takes can be rendered for a tool.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	data, err := os.ReadFile("../../deploy/toolforged/values.yaml")
	if err != nil {
		f.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(data, &values); err != nil {
		f.Fatal(err)
	}
	if data, err = yaml.Marshal(values["policy"]); err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		for _, volume := range p.Volumes {
			if volume.Name == "" || volume.MountPath == "" || volume.Capacity.Sign() <= 0 {
				t.Errorf("a volume %+v", volume)
			}
		}
	})
}
