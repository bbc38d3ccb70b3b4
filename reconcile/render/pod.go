package render

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/toolforge/toolforged/manifest"
)

// drainSeconds are those before SIGTERM, while the process still answers and the cluster learns that it is going, so that no
// request is lost.
const drainSeconds = 5

// catalogUser is whom processes of an image of the catalogue run as, whatever the image says: nobody of the system's.
const catalogUser = 1000

// process is one thing to run, whatever keeps it running.
type process struct {
	name  string
	image Image
	run   manifest.Run
	// env and secrets are the variables of several places: later places win, and at one place secrets do.
	env     []map[string]string
	secrets []map[string]manifest.Secret
	port    int
	proto   manifest.Protocol
	check   *manifest.HealthCheck
	// volumes are the platform's shared volumes that it sees.
	volumes []Volume
	// serves tells that requests reach it: it must drain before it ends.
	serves bool
}

// pod renders a pod that passes the restricted Pod Security Standard and has no service account token.
func (p process) pod() *accorev1.PodSpecApplyConfiguration {
	grace := int64(p.run.Shutdown.Seconds())
	if p.serves {
		grace += drainSeconds
	}
	return p.mount(accorev1.PodSpec().
		WithServiceAccountName(SurroundingsName).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		// A process that is number 1 ignores SIGTERM unless it asks for it; and somebody has to reap what it leaves.
		WithShareProcessNamespace(true).
		WithTerminationGracePeriodSeconds(grace).
		WithSecurityContext(p.securityContext()).
		WithContainers(p.container()))
}

func (p process) securityContext() *accorev1.PodSecurityContextApplyConfiguration {
	security := accorev1.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithSeccompProfile(accorev1.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
	if p.run.Image != "" {
		security.WithRunAsUser(catalogUser).WithRunAsGroup(catalogUser)
	}
	return security
}

func (p process) container() *accorev1.ContainerApplyConfiguration {
	container := accorev1.Container().
		WithName(p.name).
		WithImage(p.image.Reference).
		WithCommand(p.command()...).
		WithEnv(p.environment()...).
		WithResources(resources(p.run)).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithSecurityContext(accorev1.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithCapabilities(accorev1.Capabilities().WithDrop("ALL")))
	if home := p.home(); home != "" {
		container.WithWorkingDir(home)
	}
	if p.port != 0 {
		container.WithPorts(accorev1.ContainerPort().WithName("main").WithContainerPort(int32(p.port)).WithProtocol(protocol(p.proto)))
	}
	if p.serves {
		container.WithLifecycle(accorev1.Lifecycle().WithPreStop(accorev1.LifecycleHandler().
			WithSleep(accorev1.SleepAction().WithSeconds(drainSeconds))))
	}
	if p.check != nil {
		p.probe(container)
	}
	return container
}

// home is where a process in an image of the platform starts, which holds nothing of the tool's: what HOME is in the volumes
// that it sees. It is empty for all others, which start where their image says.
func (p process) home() string {
	if p.run.Image == "" {
		return ""
	}
	for _, volume := range p.volumes {
		if home := volume.Env["HOME"]; home != "" {
			return home
		}
	}
	return ""
}

// command starts a process type by the launcher's link of that name, a shell command line by the launcher itself
// (Cloud Native Buildpacks platform specification, "Launch").
func (p process) command() []string {
	process := p.run.Process
	if p.run.ProcessOrCommand && slices.Contains(p.image.Processes, p.run.Command) {
		process = p.run.Command
	}
	if process != "" {
		return []string{"/cnb/process/" + process}
	}
	return p.shell(cmp.Or(p.run.Command, p.image.Command))
}

// shell runs a command line in the environment that the image is made for.
func (p process) shell(command string) []string {
	if p.run.Image != "" {
		return []string{"/bin/sh", "-c", "--", literal(replaced(command))}
	}
	return []string{"/cnb/lifecycle/launcher", literal(replaced(command))}
}

// variables are what the process gets, with those of the platform's volumes as if they were written before all others.
func (p process) variables() (map[string]string, map[string]manifest.Secret) {
	shared := make(map[string]string)
	for _, volume := range p.volumes {
		maps.Copy(shared, volume.Env)
	}
	return merge(append([]map[string]string{shared}, p.env...), append([]map[string]manifest.Secret{nil}, p.secrets...))
}

func (p process) environment() []*accorev1.EnvVarApplyConfiguration {
	plain, secrets := p.variables()
	if p.port != 0 {
		plain["PORT"] = strconv.Itoa(p.port)
	}
	variables := make(map[string]*accorev1.EnvVarApplyConfiguration, len(plain)+len(secrets))
	for name, value := range plain {
		variables[name] = accorev1.EnvVar().WithName(name).WithValue(literal(value))
	}
	sealed := sealedOf(secrets).Name()
	for name, secret := range secrets {
		variables[name] = accorev1.EnvVar().WithName(name).WithValueFrom(reference(name, secret, sealed))
	}
	var sorted []*accorev1.EnvVarApplyConfiguration
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		sorted = append(sorted, variables[name])
	}
	return sorted
}

// Probe numbers: what Toolforge gives today, and a readiness probe, without which a rollout loses requests.
func (p process) probe(container *accorev1.ContainerApplyConfiguration) {
	container.
		WithStartupProbe(p.handler().WithPeriodSeconds(1).WithFailureThreshold(120).WithTimeoutSeconds(5)).
		WithReadinessProbe(p.handler().WithPeriodSeconds(5).WithFailureThreshold(2).WithTimeoutSeconds(5)).
		WithLivenessProbe(p.handler().WithPeriodSeconds(10).WithFailureThreshold(3).WithTimeoutSeconds(5))
}

func (p process) handler() *accorev1.ProbeApplyConfiguration {
	probe := accorev1.Probe()
	switch {
	case p.check.Script != "":
		probe.WithExec(accorev1.ExecAction().WithCommand(p.shell(p.check.Script)...))
	case p.check.Path != "":
		probe.WithHTTPGet(accorev1.HTTPGetAction().WithPath(p.check.Path).WithPort(intstr.FromString("main")))
	default:
		probe.WithTCPSocket(accorev1.TCPSocketAction().WithPort(intstr.FromString("main")))
	}
	return probe
}

// requestedWhole is the memory up to which all of it is set aside; beyond, half of the limit is, as in Toolforge today.
var requestedWhole = resource.MustParse("512Mi")

// Resources are what a process asks for: how much is set aside for it, and how much it may use.
func Resources(run manifest.Run) corev1.ResourceRequirements {
	memory := resource.MustParse(string(run.Memory))
	request := memory
	if memory.Cmp(requestedWhole) > 0 {
		request = *resource.NewQuantity(memory.Value()/2, memory.Format)
	}
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(string(run.CPURequest)),
			corev1.ResourceMemory: request,
		},
		Limits: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(string(run.CPU)),
			corev1.ResourceMemory: memory,
		},
	}
}

func resources(run manifest.Run) *accorev1.ResourceRequirementsApplyConfiguration {
	r := Resources(run)
	return accorev1.ResourceRequirements().WithRequests(r.Requests).WithLimits(r.Limits)
}

func protocol(p manifest.Protocol) corev1.Protocol {
	if p == manifest.UDP {
		return corev1.ProtocolUDP
	}
	return corev1.ProtocolTCP
}
