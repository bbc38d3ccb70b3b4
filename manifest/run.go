package manifest

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var processName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

var (
	processType = text{
		what: "a process type of the Procfile or of a buildpack, such as `web`", max: maxProcessName,
		pattern: processName, form: "a process type: letters, digits, `.`, `_` and `-`",
	}
	commandLine = text{what: "a command line, such as `python app.py`", max: maxCommand}
	portNumber  = whole{1, 65535}
	replicas    = whole{0, maxReplicas}

	imageName = text{
		what: "the name of an image of the platform's catalogue, such as `python3.11`", max: 63,
		pattern: catalogName, form: "the name of an image of the platform: lower-case letters, digits, `.` and `-`",
	}
	usedBuild = text{
		what: "the name of a build: `main` or one under `builds`", max: maxJobName,
		pattern: jobNamePattern, form: "the name of a build: lower-case letters, digits and `-`",
	}
)

// runFields are the keys that the webservice and the jobs share.
func runFields[T any](run func(*T) *Run, env variables) []field[T] {
	return []field[T]{
		in("build", usedBuild, func(t *T) *string { return &run(t).Build },
			"The build whose image it runs in; left out, it is that of this repository.").eg("redis").at("build-or-image"),
		in("image", imageName, func(t *T) *string { return &run(t).Image },
			"An image of the platform's catalogue to run in, instead of a build.").eg("php8.4").at("build-or-image"),
		in("process", processType, func(t *T) *string { return &run(t).Process },
			"The process type to run, from the `Procfile` or a buildpack.").eg("worker").at("process-or-command"),
		in("command", commandLine, func(t *T) *string { return &run(t).Command },
			"The command line to run, instead of `process`.").eg("python app.py").at("process-or-command"),
		in("cpu", cpuAmount, func(t *T) *Quantity { return &run(t).CPU },
			"How much cpu it gets: that much is set aside, and it may not use more.").eg("500m").at("cpu-and-memory"),
		in("memory", memoryAmount, func(t *T) *Quantity { return &run(t).Memory },
			"How much memory it may use; a process that uses more is ended.").eg("1Gi").or(string(defaultMemory)).at("cpu-and-memory"),
		in("env", env, func(t *T) *map[string]string { return &run(t).Env },
			"Environment variables for this process; they win over those of the top level.").eg(object{"LOG_LEVEL": "debug"}).at("env"),
		in("secrets", secrets, func(t *T) *map[string]Secret { return &run(t).Secrets },
			"Secret environment variables for this process; they win over those of the top level.").
			eg(object{"DB_PASSWORD": object{"from": "toolsdb"}}).at("secrets"),
		in("mount", oneOf[Mount]{MountNone, MountAll}, func(t *T) *Mount { return &run(t).Mount },
			"Which of the platform's shared volumes it sees.").eg(string(MountAll)).or(string(MountNone)).at("mount"),
		in("shutdown", duration{maxShutdown}, func(t *T) *time.Duration { return &run(t).Shutdown },
			"The time it has to end after it was asked to (SIGTERM), before it is ended (SIGKILL).").eg("1m").or("15s").at("shutdown"),
	}
}

// runRules are the rules of runFields.
func runRules(more ...object) []object {
	return append([]object{
		exclusive("build", "image"), exclusive("process", "command"), exclusive("process", "image"),
	}, more...)
}

func defaultRun() Run {
	return Run{
		CPU: defaultCPU, CPURequest: defaultCPURequest, Memory: defaultMemory,
		Mount: MountNone, Shutdown: defaultShutdown,
	}
}

// imageCommand stands for the command of a catalogue image.
const imageCommand = "\x00"

// finishRun checks what to run; process is what runs when the file does not say, "" if it must.
func finishRun(r *reader, m *mapping, run *Run, process string) {
	finishImage(r, m, run)
	clash(r, m, run.Env, run.Secrets)
	if m.has("cpu") {
		run.CPURequest = run.CPU
	}
	command, both := m.get("command")
	switch {
	case both && m.has("process"):
		r.problems.add(command.keyAt, "`command` and `process` exclude each other: keep one")
	case m.has("command"), m.has("process"):
	case process == imageCommand:
	case process == "":
		needs := "a job needs `command` (a command line) or `process` (a process type)"
		if m.has("image") {
			needs = "a job in an `image` of the platform needs `command` (a command line)"
		}
		r.problems.add(m.at, "%s", needs)
	default:
		run.Process = process
	}
}

// finishImage checks in which image it runs.
func finishImage(r *reader, m *mapping, run *Run) {
	image, plain := m.get("image")
	if !m.has("image") {
		if !m.has("build") {
			run.Build = MainBuild
		}
		return
	}
	if m.has("build") {
		r.problems.add(image.keyAt, "`build` and `image` exclude each other: keep one")
	}
	if process, ok := m.get("process"); ok && plain {
		r.problems.add(process.keyAt, "an `image` of the platform has no process types: write `command`")
	}
}

var absolutePath = regexp.MustCompile(`^/`)

var checkPath = text{what: "a path such as `/healthz`", max: maxPath, pattern: absolutePath, check: func(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, " \n\t") {
		return fmt.Sprintf("must be a path that begins with one `/` and has no spaces, such as `/healthz`; found %q", shorten(s))
	}
	return ""
}}

var healthCheckSection = section[HealthCheck]{
	place: "`health_check`", filled: true,
	such: "{path: /healthz}",
	fields: []field[HealthCheck]{
		in("path", checkPath, func(h *HealthCheck) *string { return &h.Path },
			"Healthy when a request for this path is answered without an error.").eg("/healthz"),
		in("script", commandLine, func(h *HealthCheck) *string { return &h.Script },
			"Healthy when this command line succeeds, run beside the process.").eg("./check"),
		in("tcp", boolean{onlyTrue: true}, func(h *HealthCheck) *bool { return &h.TCP },
			"Healthy when the port accepts connections.").eg(true),
	},
	rules: []object{
		exclusive("path", "script"), exclusive("path", "tcp"), exclusive("script", "tcp"), anyOf("path", "script", "tcp"),
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
