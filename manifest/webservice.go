package manifest

import (
	"regexp"
	"strings"
)

var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`)

var hostName = text{what: "a host name such as `www.example.org`", max: 253, check: func(s string) string {
	switch {
	case strings.Contains(s, "://"), strings.Contains(s, "/"):
		return "must be a host name alone, such as `www.example.org`: without `https://` and path"
	case strings.Contains(s, "*"):
		return "must be one host name: `*` is not possible"
	case s != strings.ToLower(s):
		return "must be written in lower case: `" + shorten(strings.ToLower(s)) + "`"
	}
	return matching(hostPattern, "a host name such as `www.example.org`")(s)
}}

var servedPath = text{what: "a path such as `/api`", max: maxPath, check: func(s string) string {
	if wrong := checkPath.check(s); wrong != "" {
		return wrong
	}
	if strings.ContainsAny(s, "?#*{}") {
		return "must be a path such as `/api`: everything below it is served too"
	}
	return ""
}}

var webserviceSection = section[Webservice]{
	place: "`webservice`",
	fields: append(runFields(func(w *Webservice) *Run { return &w.Run }, variables{portIsSet: true}),
		in("port", portNumber, func(w *Webservice) *int { return &w.Port },
			"Where the process listens; the environment variable `PORT` is set to it."),
		in("replicas", replicas, func(w *Webservice) *int { return &w.Replicas },
			"How many copies run."),
		in("health_check", optional[HealthCheck]{healthCheckSection},
			func(w *Webservice) **HealthCheck { return &w.HealthCheck },
			"How to tell that it works; left out, that its port accepts connections."),
		in("hosts", distinct[string]{list[string]{hostName, maxHosts}}, func(w *Webservice) *[]string { return &w.Hosts },
			"Names under which it is reached beside the tool's own; the platform must allow them."),
		in("paths", distinct[string]{list[string]{servedPath, maxPaths}}, func(w *Webservice) *[]string { return &w.Paths },
			"Which paths are served, each with all that is below it; left out, all are."),
	),
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
