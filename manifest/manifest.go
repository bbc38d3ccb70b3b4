package manifest

import "time"

// Manifest is a valid toolforge.yaml with every default filled in.
type Manifest struct {
	// Builds are the images that can be made, by name. MainBuild, that of this repository, is always there.
	Builds map[string]Build `json:"builds"`
	// Env is set for every process of the tool; a process's own Env and Secrets win over it.
	Env map[string]string `json:"env,omitempty"`
	// Secrets are set for every process of the tool, by the name of the variable; they have no name of Env.
	Secrets map[string]Secret `json:"secrets,omitempty"`
	// Webservice is nil when the file has none.
	Webservice *Webservice `json:"webservice,omitempty"`
	// Jobs are in the order written; their names are unique.
	Jobs    []Job   `json:"jobs,omitempty"`
	Network Network `json:"network,omitzero"`
	// Kubernetes is nil when the file has none.
	Kubernetes *Kubernetes `json:"kubernetes,omitempty"`

	// Format is how the file is written: one of the constants, or the `config_version` of a push-to-deploy file.
	Format string `json:"-"`
	// Notes are sorted by line, at most 51.
	Notes []Note `json:"-"`
	// V1 is the whole file in version v1, with the same meaning. It is empty for one that is v1 already, and for one that would
	// be too large, which a note then says.
	V1 string `json:"-"`

	positions map[string]Position
}

// MainBuild is the name of the build of the tool's own repository.
const MainBuild = "main"

// Build says how one image is made.
type Build struct {
	// Repository is a URL; empty for the tool's own repository.
	Repository string `json:"repository,omitempty"`
	// Ref is the branch, tag or full commit id of Repository; empty for its HEAD. The tool's own repository has none here.
	Ref string `json:"ref,omitempty"`
	// Stack holds the language names in the order written; empty: the builder detects.
	Stack []string `json:"stack,omitempty"`
	// Builder is an entry of the platform's catalogue; empty for the platform's default.
	Builder string `json:"builder,omitempty"`
	// Path is the directory with the source: clean, relative, with slashes; empty for the root of the repository.
	Path string `json:"path,omitempty"`
	// Ignore are patterns, as in a .gitignore at Path, of files whose changes alone cause no build.
	Ignore []string `json:"ignore,omitempty"`
	// Env is set while building and only then.
	Env map[string]string `json:"env,omitempty"`
}

// Webservice is the process that answers the tool's web requests.
type Webservice struct {
	Run
	// Port is where it listens, 1 to 65535; the environment variable PORT is set to it.
	Port int `json:"port"`
	// Replicas is how many copies run, 0 to 25.
	Replicas int `json:"replicas"`
	// HealthCheck is never nil here: without one in the file it is TCP.
	HealthCheck *HealthCheck `json:"health_check"`
	// Hosts are the names under which it is reached beside the tool's own.
	Hosts []string `json:"hosts,omitempty"`
	// Paths are what is served of each host, with everything below: never empty, each begins with a slash.
	Paths []string `json:"paths"`
}

// Job is a process beside the webservice: scheduled (Schedule is set), continuous (Continuous is true) or run once before
// each deployment (PreDeploy is true).
type Job struct {
	// Name is at most 52 lower-case letters, digits and hyphens, and begins and ends with a letter or digit. That of
	// a continuous job with a port begins with a letter.
	Name string `json:"name"`
	Run
	// Emails says of which ends of the job the maintainers are told.
	Emails Emails `json:"emails"`

	// Schedule is when a scheduled job runs, in UTC.
	Schedule Schedule `json:"schedule,omitempty"`
	// Timeout is when a run of a scheduled or pre-deploy job is ended: whole seconds, 1 s to 7 days.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retry is how often a failed run of a scheduled job is tried again, 0 to 5.
	Retry int `json:"retry,omitempty"`
	// Concurrency is what happens when a run of a scheduled job is due while the last one still runs.
	Concurrency Concurrency `json:"concurrency,omitempty"`

	// PreDeploy jobs run once for each deployment, one after the other, before anything else changes.
	PreDeploy bool `json:"pre_deploy,omitempty"`

	// Continuous jobs run without end and are always restarted.
	Continuous bool `json:"continuous,omitempty"`
	// Replicas is how many copies of a continuous job run, 0 to 25.
	Replicas int `json:"replicas,omitempty"`
	// Port of a continuous job is reachable by the tool's other processes under the job's name; 0: none.
	Port int `json:"port,omitempty"`
	// Protocol is set when Port is.
	Protocol Protocol `json:"protocol,omitempty"`
	// HealthCheck of a continuous job is nil when it has none in the file and no TCP port.
	HealthCheck *HealthCheck `json:"health_check,omitempty"`
}

// Run is what a process executes and what it may use. Exactly one of Process and Command is set, but for a webservice with
// an Image: there both may be empty, and the image's own command is run.
type Run struct {
	// Build names the build whose image it runs in; empty when Image is set.
	Build string `json:"build,omitempty"`
	// Image names an image of the platform's catalogue; empty when Build is set.
	Image string `json:"image,omitempty"`
	// Process is a process type of the image, from the Procfile or a buildpack.
	Process string `json:"process,omitempty"`
	// Command is a shell command line, run in the image's environment.
	Command string `json:"command,omitempty"`
	// ProcessOrCommand: Command is one word, from a file of an older format; when the image has a process type of that name,
	// that is meant.
	ProcessOrCommand bool `json:"process_or_command,omitempty"`
	// CPU is the most it may use. CPURequest is what is set aside for it: the same as CPU when the file says `cpu`.
	CPU        Quantity `json:"cpu"`
	CPURequest Quantity `json:"cpu_request"`
	// Memory is the most it may use.
	Memory Quantity `json:"memory"`
	// Env and Secrets are set for this process alone; no name is in both.
	Env     map[string]string `json:"env,omitempty"`
	Secrets map[string]Secret `json:"secrets,omitempty"`
	// Mount says which of the platform's shared volumes it sees.
	Mount Mount `json:"mount"`
	// Shutdown is the time between SIGTERM and SIGKILL: whole seconds, 1 s to 5 minutes.
	Shutdown time.Duration `json:"shutdown"`
}

// Secret is a variable whose value is not in the file. Exactly one of Age and From is set.
type Secret struct {
	// Age is the value, encrypted to the tool's public key, in age's armor.
	Age string `json:"age,omitempty"`
	// From is the name of a Secret that the platform keeps for the tool, Key the key in it.
	From string `json:"from,omitempty"`
	Key  string `json:"key,omitempty"`
}

// Network says who beside the tool itself may reach its ports.
type Network struct {
	// AllowFrom are the names of other tools.
	AllowFrom []string `json:"allow_from,omitempty"`
}

// Kubernetes says where the repository holds Kubernetes objects that are applied beside what the rest of the file declares.
type Kubernetes struct {
	// Path is a directory, or a file, of the repository: clean, relative, with slashes; "." for its root.
	Path string `json:"path"`
}

// Mount says which of the platform's shared volumes a process sees.
type Mount string

const (
	MountNone Mount = "none"
	MountAll  Mount = "all"
)

// Emails says of which ends of a job the maintainers are told by mail.
type Emails string

const (
	EmailsNone      Emails = "none"
	EmailsOnFinish  Emails = "onfinish"
	EmailsOnFailure Emails = "onfailure"
	EmailsAll       Emails = "all"
)

// HealthCheck tells whether a process works. Exactly one of its fields is set.
type HealthCheck struct {
	// Path is requested over HTTP at the process's port and begins with a slash.
	Path string `json:"path,omitempty"`
	// Script is a shell command line run beside the process; it succeeds when the process is healthy.
	Script string `json:"script,omitempty"`
	// TCP opens a connection to the process's port.
	TCP bool `json:"tcp,omitempty"`
}

// Concurrency says what to do when a run is due while the last one still runs.
type Concurrency string

const (
	// Forbid skips the new run.
	Forbid Concurrency = "forbid"
	// Replace ends the old run and starts the new one.
	Replace Concurrency = "replace"
	// Allow lets both run.
	Allow Concurrency = "allow"
)

// Protocol is the transport of a job's port.
type Protocol string

const (
	TCP Protocol = "tcp"
	UDP Protocol = "udp"
)

// What a file that says nothing gets.
const (
	defaultProcess             = "web"
	defaultPort                = 8000
	defaultReplicas            = 1
	defaultCPU        Quantity = "1"
	defaultCPURequest Quantity = "100m"
	defaultMemory     Quantity = "512Mi"
	defaultTimeout             = 24 * time.Hour
	defaultPreDeploy           = 10 * time.Minute
	defaultShutdown            = 15 * time.Second
)

// Bounds of a file. They keep a hostile file cheap and what it asks for small enough for the cluster's API.
const (
	maxFileBytes   = 256 << 10
	maxMarks       = 50_000
	maxJobs        = 100
	maxReplicas    = 25
	maxRetry       = 5
	maxTimeout     = 7 * 24 * time.Hour
	maxShutdown    = 5 * time.Minute
	maxStack       = 10
	maxBuilds      = 20
	maxIgnore      = 50
	maxPattern     = 1 << 10
	maxHosts       = 10
	maxPaths       = 10
	maxAllowFrom   = 50
	maxURL         = 2 << 10
	maxRef         = 255
	maxSecrets     = 64
	maxAge         = 48 << 10
	maxVariables   = 256
	maxValueBytes  = 32 << 10
	maxEnvBytes    = 64 << 10
	maxCommand     = 8 << 10
	maxPath        = 1024
	maxJobName     = 52
	maxProcessName = 63
)
