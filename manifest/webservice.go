package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

var hostName = text{what: "a host name such as `www.example.org`", max: 253, pattern: hostPattern, check: func(s string) string {
	switch {
	case strings.ContainsAny(s, ":/"):
		return fmt.Sprintf("must be a host name alone, such as `www.example.org`, without `https://`, port or path; found %q", shorten(s))
	case strings.Contains(s, "*"):
		return "must be one host name: `*` is not possible"
	case s != strings.ToLower(s):
		return "must be written in lower case: `" + shorten(strings.ToLower(s)) + "`"
	}
	return ""
}}

var servedPath = text{what: "a path such as `/api`", max: maxPath, pattern: absolutePath, check: func(s string) string {
	switch {
	case checkPath.check(s) != "":
		return fmt.Sprintf("must be a path that begins with one `/` and has no spaces, such as `/api`; found %q", shorten(s))
	case strings.ContainsAny(s, "?#*{}"):
		return fmt.Sprintf("must be a path such as `/api`, and everything below it is served too; found %q", shorten(s))
	}
	return ""
}}

var webserviceSection = section[Webservice]{
	place: "`webservice`",
	such:  "{process: web}",
	fields: append(runFields(func(w *Webservice) *Run { return &w.Run }, variables{portIsSet: true}),
		in("port", portNumber, func(w *Webservice) *int { return &w.Port },
			"Where the process listens; the environment variable `PORT` is set to it.").eg(9000).or(defaultPort),
		in("replicas", replicas, func(w *Webservice) *int { return &w.Replicas },
			"How many copies run.").eg(2).or(defaultReplicas),
		in("health_check", optional[HealthCheck]{healthCheckSection},
			func(w *Webservice) **HealthCheck { return &w.HealthCheck },
			"How to tell that it works; left out, that its port accepts connections.").
			eg(object{"path": "/healthz"}).or(object{"tcp": true}).at("health_check"),
		in("hosts", distinct[string]{list[string]{hostName, maxHosts}}, func(w *Webservice) *[]string { return &w.Hosts },
			"Names under which it is reached beside the tool's own; the platform must allow them.").eg([]string{"www.example.org"}).at("hosts-and-paths"),
		in("paths", distinct[string]{list[string]{servedPath, maxPaths}}, func(w *Webservice) *[]string { return &w.Paths },
			"Which paths are served, each with all that is below it; left out, all are.").
			eg([]string{"/api"}).or([]string{"/"}).at("hosts-and-paths"),
	),
	rules: runRules(),
	start: func() Webservice {
		return Webservice{
			Run: defaultRun(), Port: defaultPort, Replicas: defaultReplicas,
			HealthCheck: &HealthCheck{TCP: true},
		}
	},
	finish: func(r *reader, m *mapping, w *Webservice) {
		if len(w.Paths) == 0 {
			w.Paths = []string{"/"}
		}
		process := defaultProcess
		if m.has("image") {
			process = imageCommand
		}
		finishRun(r, m, &w.Run, process)
	},
}
