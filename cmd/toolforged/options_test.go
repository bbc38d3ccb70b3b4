package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/toolforge/toolforged/reconcile"
)

// required are the flags without which the daemon does not start.
var required = []string{"--domain=example.org", "--registry=registry.example/tools", "--program-image=registry.example/toolforged"}

func TestDefaults(t *testing.T) {
	o, err := parse(required)
	if err != nil {
		t.Fatal(err)
	}
	if o.domain != "example.org" || o.siteScheme != "https" || o.concurrency < 1 || o.concurrentBuilds < 1 || o.buildTimeout != 30*time.Minute {
		t.Errorf("options %+v", o)
	}
	c := buildConfig(o)
	if c.Registry != o.registry || c.Concurrency != o.concurrentBuilds || c.Memory.String() != o.buildMemory {
		t.Errorf("build configuration %+v", c)
	}
	tools, err := toolsConfig(o)
	if err != nil || tools.SitePort != "" || tools.Policy.Classes != nil {
		t.Errorf("configuration of the tools: %+v, %v", tools, err)
	}
	o.sitePort = "8080"
	if tools, err := toolsConfig(o); err != nil || tools.SitePort != ":8080" {
		t.Errorf("configuration of the tools: %+v, %v", tools, err)
	}
}

// The chart's own policy is right, and a mistake in such a file is told with the file's name.
func TestPolicy(t *testing.T) {
	data, err := os.ReadFile("../../deploy/toolforged/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Policy map[string]any `json:"policy"`
	}
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(policy any) {
		data, err := yaml.Marshal(policy)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(values.Policy)
	o := options{policy: file}
	tools, err := toolsConfig(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"default", "large"} {
		class, known := tools.Policy.Classes[name]
		if !known || len(class.Quota) == 0 || len(class.Limits.Max) == 0 {
			t.Errorf("class %s is %+v", name, class)
		}
	}
	write(map[string]any{"quotaClasses": map[string]any{"default": map[string]any{"qouta": nil}}})
	if _, err := toolsConfig(o); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "qouta") {
		t.Errorf("error %v, want one that names the file and the key", err)
	}
	if _, err := toolsConfig(options{policy: file + ".none"}); err == nil || !strings.Contains(err.Error(), "--policy") {
		t.Errorf("error %v, want one that names the flag", err)
	}
}

// What is wrong is named by its flag.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"--domain="}, "--domain"},
		{[]string{"--registry="}, "--registry"},
		{[]string{"--program-image="}, "--program-image"},
		{[]string{"--site-scheme=ftp"}, "--site-scheme"},
		{[]string{"--site-port=0"}, "--site-port"},
		{[]string{"--site-port=http"}, "--site-port"},
		{[]string{"--docs-url=docs.example"}, "--docs-url"},
		{[]string{"--docs-url=javascript:alert(1)"}, "--docs-url"},
		{[]string{"--docs-url=https://docs.example/x#y"}, "--docs-url"},
		{[]string{"--concurrency=0"}, "--concurrency"},
		{[]string{"--concurrency=many"}, "--concurrency"},
		{[]string{"--concurrent-builds=-1"}, "--concurrent-builds"},
		{[]string{"--build-timeout=0s"}, "--build-timeout"},
		{[]string{"--build-retry-max=0s"}, "--build-retry-max"},
		{[]string{"--builder-interval=10ms"}, "--builder-interval"},
		{[]string{"--rollout-deadline=10ms"}, "--rollout-deadline"},
		{[]string{"--build-cpu=lots"}, "--build-cpu"},
		{[]string{"--build-engine=jobs"}, "must be pods or tekton"},
		{[]string{"--build-memory=0"}, "--build-memory"},
		{[]string{"--build-disk=-1Gi"}, "--build-disk"},
		{[]string{"--kube-api-qps=0"}, "--kube-api-qps"},
		{[]string{"--shards=0"}, "--shards"},
		{[]string{"--shard=1"}, "--shard is 1: with --shards=1 it must be 0 to 0"},
		{[]string{"--shards=3", "--shard=-1"}, "--shard"},
		{[]string{"--lease-duration=1500ms"}, "--lease-duration"},
		{[]string{"--lease-duration=0s"}, "--lease-duration"},
		{[]string{"--lease-renew=6s"}, "--lease-renew"},
		{[]string{"--lease-retry=0s"}, "--lease-retry"},
		{[]string{"--lease-retry=3500ms"}, "--lease-retry"},
		{[]string{"--poll-min=0s"}, "--poll-min"},
		{[]string{"--poll-min=1h", "--poll-max=1m"}, "--poll-max"},
		{[]string{"--git-concurrency=0"}, "--git-concurrency"},
		{[]string{"--peer-address=somewhere:80"}, "--peer-address"},
		{[]string{"--peer-address=10.1.2.3", "--status-address=nowhere"}, "--peer-address"},
		{[]string{"--git-schemes=ftp"}, "--git-schemes"},
		{[]string{"--git-hosts=https://forge.example"}, "--git-hosts"},
		{[]string{"--git-addresses=forge.example"}, "--git-addresses"},
		{[]string{"--no-such-flag"}, "no-such-flag"},
		{[]string{"serve"}, `"serve"`},
	} {
		t.Run(strings.Join(test.arguments, " "), func(t *testing.T) {
			_, err := parse(append(append([]string{}, required...), test.arguments...))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that names %s", err, test.want)
			}
		})
	}
}

func TestShard(t *testing.T) {
	o, err := parse(append([]string{"--shards=3", "--shard=2"}, required...))
	if err != nil {
		t.Fatal(err)
	}
	if got := o.part(); got != (reconcile.Shard{Index: 2, Count: 3}) || got.Lease() != "toolforged-2" {
		t.Errorf("%+v, Lease %s", got, got.Lease())
	}
}

// The daemon and the builds' source container ask the same servers.
func TestAllowedServers(t *testing.T) {
	o, err := parse(append([]string{"--git-schemes=https", "--git-hosts=*.forge.example", "--git-addresses=10.1.0.0/16"}, required...))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-git-schemes=https", "-git-hosts=*.forge.example", "-git-addresses=10.1.0.0/16"}
	if got := buildConfig(o).SourceArgs; !slices.Equal(got, want) {
		t.Errorf("the source container has %q", got)
	}
	if o.git.Addresses[0] != netip.MustParsePrefix("10.1.0.0/16") || o.git.Hosts[0] != "*.forge.example" || o.git.Schemes[0] != "https" {
		t.Errorf("the daemon has %+v", o.git)
	}
	// What the chart passes when nothing is set.
	if o, err = parse(append([]string{"--git-schemes=", "--git-hosts=", "--git-addresses="}, required...)); err != nil || o.git.Args() != nil {
		t.Errorf("empty flags: %+v, %v", o.git, err)
	}
}

// All mistakes are told at once.
func TestAllAtOnce(t *testing.T) {
	_, err := parse([]string{"--site-scheme=ftp", "--concurrency=0"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, flag := range []string{"--domain", "--registry", "--program-image", "--site-scheme", "--concurrency"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("the error does not name %s:\n%v", flag, err)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	if o, err := parse([]string{"--version"}); err != nil || !o.showVersion {
		t.Errorf("--version: %v, %v", o.showVersion, err)
	}
	if _, err := parse([]string{"--help"}); !errors.Is(err, pflag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
}
