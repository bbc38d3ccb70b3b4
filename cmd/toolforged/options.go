package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/tools/leaderelection"

	"github.com/toolforge/toolforged/api/queue"
	"github.com/toolforge/toolforged/reconcile"
	"github.com/toolforge/toolforged/sources"
)

// options are the daemon's flags.
type options struct {
	domain, siteScheme, sitePort, ingressClass string
	statusAddress, docsURL                     string
	jobLogs                                    bool
	buildNamespace, registry, registrySecret   string
	registryPlainHTTP                          bool
	programImage                               string
	git                                        sources.Allowed
	pollMin, pollMax                           time.Duration
	gitConcurrency                             int
	webhookSecrets, peerAddress                string
	gitSecrets                                 map[string]string
	buildCPU, buildMemory, buildDisk           string
	buildImageSize, buildCacheSize             string
	buildTimeout, buildRetryMax                time.Duration
	builderInterval                            time.Duration
	buildEngine                                string
	rolloutDeadline                            time.Duration
	concurrency, concurrentBuilds              int
	concurrentBuildsPerTool                    int
	cancelSupersededBuilds                     bool
	registryRequests                           int
	kubeAPIQPS                                 float32
	policy                                     string
	shards, shard                              int
	leaseNamespace                             string
	leaseDuration, leaseRenew, leaseRetry      time.Duration
	mail                                       mailOptions
	retention                                  retentionOptions
	log                                        logger.Options
	showVersion                                bool
}

// parse reads the command line. The error names the flag and what it needs.
func parse(arguments []string) (options, error) {
	var o options
	flags := pflag.NewFlagSet("toolforged", pflag.ContinueOnError)
	flags.SetOutput(os.Stdout)
	flags.StringVar(&o.domain, "domain", "", "parent of every tool's host name: <tool>.<domain> (required)")
	flags.StringVar(&o.siteScheme, "site-scheme", "https", "scheme of the webservices' addresses: http or https")
	flags.StringVar(&o.sitePort, "site-port", "", "port in the webservices' addresses, when it is not the scheme's own")
	flags.StringVar(&o.ingressClass, "ingress-class", "", "class of the tools' Ingresses; empty for the cluster's default")
	flags.StringVar(&o.statusAddress, "status-address", ":8080", "address of the status endpoint")
	flags.BoolVar(&o.jobLogs, "job-logs", false, "show what jobs print on the status endpoint, to whoever reaches it")
	flags.StringVar(&o.docsURL, "docs-url", "", "address of the page about toolforge.yaml, to which problems link; empty for the one that the status endpoint serves")
	flags.StringVar(&o.buildNamespace, "build-namespace", "toolforge-builds", "namespace of the build pods and their Secrets")
	flags.StringVar(&o.registry, "registry", "", "prefix of built images: host[:port][/path] (required)")
	flags.BoolVar(&o.registryPlainHTTP, "registry-plain-http", false, "speak to that registry over HTTP, without TLS")
	flags.StringVar(&o.registrySecret, "registry-secret", "", "Secret of type kubernetes.io/dockerconfigjson for the registry, in the namespace of the builds")
	o.git.Flags(flags.Func)
	flags.DurationVar(&o.pollMin, "poll-min", 10*time.Second, "least time between two polls of a repository, whatever its tool asks for and however lively it is")
	flags.DurationVar(&o.pollMax, "poll-max", time.Hour, "most time between two polls of a repository that can be read, whatever its tool asks for and however quiet it is")
	flags.IntVar(&o.gitConcurrency, "git-concurrency", 4, "how many repositories of one git server are asked at the same time")
	flags.StringVar(&o.webhookSecrets, "webhook-secrets", "", "directory with the secrets of webhooks: a file for each forge's host name, and \"default\" for all; empty for no webhooks")
	flags.StringVar(&o.peerAddress, "peer-address", "", "where the other replicas reach this one's status endpoint: an IP address, with :port if it is another than that of --status-address. Webhooks are handed to the leader there; empty to be handed none")
	flags.StringToStringVar(&o.gitSecrets, "git-secrets", nil, "Secrets, in the namespace of the builds, for repositories that name none, by their host: forge.example=name,...; http://forge.example=name where it is asked without TLS")
	flags.StringVar(&o.programImage, "program-image", "", "image with the program toolforge-build (required)")
	flags.StringVar(&o.buildEngine, "build-engine", enginePods, "what builds are in the cluster: pods, or tekton for TaskRuns, which Tekton's controller makes pods of")
	flags.StringVar(&o.buildCPU, "build-cpu", "2", "most CPUs for each container of a build")
	flags.StringVar(&o.buildMemory, "build-memory", "2Gi", "most memory for each container of a build")
	flags.StringVar(&o.buildDisk, "build-disk", "4Gi", "most that a build may write to disk, source and layers together")
	flags.StringVar(&o.buildImageSize, "build-image-size", "2Gi", "most that a built image may hold beside the one that it is built upon, uncompressed")
	flags.StringVar(&o.buildCacheSize, "build-cache-size", "2Gi", "most that is kept for the next build, uncompressed; a larger cache is not kept")
	flags.DurationVar(&o.buildRetryMax, "build-retry-max", 10*time.Minute, "longest time until a build that failed by the platform's fault is tried again, or the registry asked again")
	flags.DurationVar(&o.buildTimeout, "build-timeout", 30*time.Minute, "how long a build may take")
	flags.DurationVar(&o.builderInterval, "builder-interval", 5*time.Minute, "time between two looks at the tags of builders")
	flags.DurationVar(&o.rolloutDeadline, "rollout-deadline", 5*time.Minute, "how long a new pod may take to become healthy, before its deployment is taken back")
	flags.IntVar(&o.concurrency, "concurrency", 8, "how many tools are worked on at the same time: requests to the API server under way at once; no tool holds a place while it waits")
	flags.IntVar(&o.concurrentBuilds, "concurrent-builds", 4, "how many builds run at the same time")
	flags.IntVar(&o.concurrentBuildsPerTool, "concurrent-builds-per-tool", 2, "how many builds of one tool run at the same time")
	flags.BoolVar(&o.cancelSupersededBuilds, "cancel-superseded-builds", false, "end the build of an older commit when a newer one must be built")
	flags.IntVar(&o.registryRequests, "registry-requests", 16, "how many requests about builds' images the registry is sent at the same time")
	flags.Float32Var(&o.kubeAPIQPS, "kube-api-qps", -1, "requests to the API server per second; -1 leaves it to the server's priority and fairness")
	flags.StringVar(&o.policy, "policy", "", "file that says what tools may do, YAML: quota classes, shared volumes, kinds; empty for no bounds and nothing shared")
	flags.IntVar(&o.shards, "shards", 1, "into how many parts the tools are divided; all daemons must be told the same")
	flags.IntVar(&o.shard, "shard", 0, "which of these parts this daemon works on, from 0; part 0 looks after the builders too")
	flags.StringVar(&o.leaseNamespace, "lease-namespace", "", "namespace of the Lease that a shard's leader holds; empty for the daemon's own")
	flags.DurationVar(&o.leaseDuration, "lease-duration", 6*time.Second, "how long a leader that is not heard of still counts as leading, in whole seconds")
	flags.DurationVar(&o.leaseRenew, "lease-renew", 4*time.Second, "how long a leader tries to renew its Lease before it gives up and ends")
	flags.DurationVar(&o.leaseRetry, "lease-retry", time.Second, "time between two tries to get or renew the Lease")
	flags.BoolVar(&o.showVersion, "version", false, "print the version and exit")
	o.mail.bind(flags)
	o.retention.bind(flags)
	o.log.BindFlags(flags)
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if o.showVersion {
		return o, nil
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag: there are no other arguments", flags.Arg(0))
	}
	return o, o.check()
}

// plainHTTP is the registry to speak to without TLS: host[:port]; empty for none.
func (o options) plainHTTP() string {
	if !o.registryPlainHTTP {
		return ""
	}
	host, _, _ := strings.Cut(o.registry, "/")
	return host
}

// peer is where other replicas reach this one.
func (o options) peer() (netip.AddrPort, error) {
	if at, err := netip.ParseAddrPort(o.peerAddress); err == nil {
		return at, nil
	}
	_, port, err := net.SplitHostPort(o.statusAddress)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("read --status-address: %w", err)
	}
	return netip.ParseAddrPort(net.JoinHostPort(o.peerAddress, port))
}

// part is the part of the tools that this daemon works on.
func (o options) part() reconcile.Shard { return reconcile.Shard{Index: o.shard, Count: o.shards} }

// buildBounds are how many builds may run at the same time.
func (o options) buildBounds() queue.Bounds {
	return queue.Bounds{Platform: o.concurrentBuilds, Tool: o.concurrentBuildsPerTool}
}

func (o options) check() error {
	var errs []error
	required := func(flag, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("--%s is required", flag))
		}
	}
	required("domain", o.domain)
	required("registry", o.registry)
	required("program-image", o.programImage)
	if o.siteScheme != "http" && o.siteScheme != "https" {
		errs = append(errs, fmt.Errorf("--site-scheme is %q: it must be http or https", o.siteScheme))
	}
	if port, err := strconv.ParseUint(o.sitePort, 10, 16); o.sitePort != "" && (err != nil || port == 0) {
		errs = append(errs, fmt.Errorf("--site-port is %q: it must be a port, 1 to 65535", o.sitePort))
	}
	if u, err := url.Parse(o.docsURL); err != nil || o.docsURL != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "") {
		errs = append(errs, fmt.Errorf("--docs-url is %q: it must be a URL that begins with http:// or https:// and has no #", o.docsURL))
	}
	if o.kubeAPIQPS == 0 {
		// To the Kubernetes client 0 means its own small default.
		errs = append(errs, errors.New("--kube-api-qps is 0: it must be more, or -1"))
	}
	positive := func(flag string, value int) {
		if value < 1 {
			errs = append(errs, fmt.Errorf("--%s is %d: it must be at least 1", flag, value))
		}
	}
	positive("concurrency", o.concurrency)
	positive("concurrent-builds", o.concurrentBuilds)
	positive("concurrent-builds-per-tool", o.concurrentBuildsPerTool)
	positive("registry-requests", o.registryRequests)
	positive("build-retry-max, in seconds,", int(o.buildRetryMax.Seconds()))
	positive("build-timeout, in seconds,", int(o.buildTimeout.Seconds()))
	positive("builder-interval, in seconds,", int(o.builderInterval.Seconds()))
	positive("rollout-deadline, in seconds,", int(o.rolloutDeadline.Seconds()))
	positive("shards", o.shards)
	if o.shard < 0 || o.shards > 0 && o.shard >= o.shards {
		errs = append(errs, fmt.Errorf("--shard is %d: with --shards=%d it must be 0 to %d", o.shard, o.shards, o.shards-1))
	}
	positive("git-concurrency", o.gitConcurrency)
	if o.pollMin < time.Second || o.pollMax < o.pollMin {
		errs = append(errs, fmt.Errorf("--poll-min is %s and --poll-max %s: they must be at least 1s, and the second no less than the first", o.pollMin, o.pollMax))
	}
	if _, err := o.peer(); err != nil && o.peerAddress != "" {
		errs = append(errs, fmt.Errorf("--peer-address is %q: it must be an IP address, or ip:port", o.peerAddress))
	}
	errs = append(errs, o.checkLease(), o.mail.check(), o.retention.check())
	quantity := func(flag, value string) {
		if q, err := resource.ParseQuantity(value); err != nil || q.Sign() <= 0 {
			errs = append(errs, fmt.Errorf("--%s is %q: it must be a quantity such as 2 or 2Gi", flag, value))
		}
	}
	errs = append(errs, checkEngine(o.buildEngine))
	quantity("build-cpu", o.buildCPU)
	quantity("build-memory", o.buildMemory)
	quantity("build-disk", o.buildDisk)
	quantity("build-image-size", o.buildImageSize)
	quantity("build-cache-size", o.buildCacheSize)
	return errors.Join(errs...)
}

// checkLease keeps to what client-go asks of the times of a Lease.
func (o options) checkLease() error {
	switch {
	case o.leaseDuration < time.Second || o.leaseDuration%time.Second != 0:
		return fmt.Errorf("--lease-duration is %s: it must be whole seconds", o.leaseDuration)
	case o.leaseRenew >= o.leaseDuration:
		return fmt.Errorf("--lease-renew is %s: it must be less than --lease-duration, %s", o.leaseRenew, o.leaseDuration)
	case o.leaseRetry <= 0 || float64(o.leaseRetry)*leaderelection.JitterFactor >= float64(o.leaseRenew):
		return fmt.Errorf("--lease-retry is %s: it must be less than --lease-renew, %s, divided by %v",
			o.leaseRetry, o.leaseRenew, leaderelection.JitterFactor)
	}
	return nil
}
