package manifest

import "time"

// Manifest is a valid toolforge.yaml with every default filled in.
type Manifest struct {
	// Stack holds the language names in the order written; empty: the builder detects.
	Stack []string `json:"stack,omitempty"`
	Build Build    `json:"build"`
	// Env is set for every process of the tool; a job's own Env wins over it.
	Env map[string]string `json:"env,omitempty"`
	// Webservice is nil when the file has none.
	Webservice *Webservice `json:"webservice,omitempty"`
	// Jobs are in the order written; their names are unique.
	Jobs []Job `json:"jobs,omitempty"`

	positions map[string]Position
}

// Build says how the image of this repository is made.
type Build struct {
	// Path is the directory with the source: clean, relative, with slashes; empty for the root of the repository.
	Path string `json:"path,omitempty"`
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
}

// Job is a process beside the webservice: either scheduled (Schedule is set) or continuous (Continuous is true).
type Job struct {
	// Name is at most 52 lower-case letters, digits and hyphens, and begins and ends with a letter or digit. That of
	// a continuous job with a port begins with a letter.
	Name string `json:"name"`
	Run
	// Env is set for this job alone.
	Env map[string]string `json:"env,omitempty"`

	// Schedule is when a scheduled job runs, in UTC.
	Schedule Schedule `json:"schedule,omitempty"`
	// Timeout is when a run of a scheduled job is ended: whole seconds, 1 s to 7 days.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Retry is how often a failed run of a scheduled job is tried again, 0 to 5.
	Retry int `json:"retry,omitempty"`
	// Concurrency is what happens when a run of a scheduled job is due while the last one still runs.
	Concurrency Concurrency `json:"concurrency,omitempty"`

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

// Run is what a process executes and what it may use. Exactly one of Process and Command is set.
type Run struct {
	// Process is a process type of the image, from the Procfile or a buildpack.
	Process string `json:"process,omitempty"`
	// Command is a shell command line, run in the image's environment.
	Command string `json:"command,omitempty"`
	// CPU is the most it may use. CPURequest is what is set aside for it: the same as CPU when the file says `cpu`.
	CPU        Quantity `json:"cpu"`
	CPURequest Quantity `json:"cpu_request"`
	// Memory is the most it may use.
	Memory Quantity `json:"memory"`
}

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
)

// Bounds of a file. They keep a hostile file cheap and what it asks for small enough for the cluster's API.
const (
	maxFileBytes   = 256 << 10
	maxJobs        = 100
	maxReplicas    = 25
	maxRetry       = 5
	maxTimeout     = 7 * 24 * time.Hour
	maxStack       = 10
	maxVariables   = 256
	maxValueBytes  = 32 << 10
	maxEnvBytes    = 64 << 10
	maxCommand     = 8 << 10
	maxPath        = 1024
	maxJobName     = 52
	maxProcessName = 63
)
