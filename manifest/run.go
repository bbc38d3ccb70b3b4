package manifest

import (
	"regexp"
	"strings"
)

var processName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

var (
	processType = text{
		what: "a process type of the Procfile or of a buildpack, such as `web`", max: maxProcessName,
		check: matching(processName, "a process type: letters, digits, `.`, `_` and `-`"),
	}
	commandLine = text{what: "a command line, such as `python app.py`", max: maxCommand}
	portNumber  = whole{1, 65535}
	replicas    = whole{0, maxReplicas}
)

// runFields are the keys that the webservice and the jobs share.
func runFields[T any](run func(*T) *Run) []field[T] {
	return []field[T]{
		in("process", processType, func(t *T) *string { return &run(t).Process },
			"The process type to run, from the `Procfile` or a buildpack."),
		in("command", commandLine, func(t *T) *string { return &run(t).Command },
			"The command line to run, instead of `process`."),
		in("cpu", cpuAmount, func(t *T) *Quantity { return &run(t).CPU },
			"How much cpu it gets: that much is set aside, and it may not use more."),
		in("memory", memoryAmount, func(t *T) *Quantity { return &run(t).Memory },
			"How much memory it may use; a process that uses more is ended."),
		later[T]("build", ""),
		later[T]("image", ""),
		later[T]("secrets", ""),
		later[T]("mount", ""),
		later[T]("shutdown", ""),
		later[T]("mem", ": write `memory`"),
	}
}

func defaultRun() Run {
	return Run{CPU: defaultCPU, CPURequest: defaultCPURequest, Memory: defaultMemory}
}

// finishRun checks what to run; process is what runs when the file does not say, "" if it must.
func finishRun(r *reader, m *mapping, run *Run, process string) {
	if m.has("cpu") {
		run.CPURequest = run.CPU
	}
	command, both := m.get("command")
	switch {
	case both && m.has("process"):
		r.problems.add(command.keyAt, "`command` and `process` exclude each other: keep one")
	case m.has("command"), m.has("process"):
	case process == "":
		r.problems.add(m.at, "a job needs `command` (a command line) or `process` (a process type)")
	default:
		run.Process = process
	}
}

var checkPath = text{what: "a path such as `/healthz`", max: maxPath, check: func(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, " \n\t") {
		return "must be a path that begins with one `/` and has no spaces, such as `/healthz`"
	}
	return ""
}}

var healthCheckSection = section[HealthCheck]{
	place: "`health_check`",
	fields: []field[HealthCheck]{
		in("path", checkPath, func(h *HealthCheck) *string { return &h.Path },
			"Healthy when a request for this path is answered without an error."),
		in("script", commandLine, func(h *HealthCheck) *string { return &h.Script },
			"Healthy when this command line succeeds, run beside the process."),
		in("tcp", boolean{onlyTrue: true}, func(h *HealthCheck) *bool { return &h.TCP },
			"Healthy when the port accepts connections."),
	},
	finish: func(r *reader, m *mapping, _ *HealthCheck) {
		n := 0
		for _, name := range []string{"path", "script", "tcp"} {
			if m.has(name) {
				n++
			}
		}
		if n != 1 {
			r.problems.add(m.at, "`health_check` must have exactly one of `path`, `script` and `tcp: true`; found %d", n)
		}
	},
}
