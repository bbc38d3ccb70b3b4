package manifest

var webserviceSection = section[Webservice]{
	place: "`webservice`",
	fields: append(runFields(func(w *Webservice) *Run { return &w.Run }),
		in("port", portNumber, func(w *Webservice) *int { return &w.Port },
			"Where the process listens; the environment variable `PORT` is set to it."),
		in("replicas", replicas, func(w *Webservice) *int { return &w.Replicas },
			"How many copies run."),
		in("health_check", optional[HealthCheck]{healthCheckSection},
			func(w *Webservice) **HealthCheck { return &w.HealthCheck },
			"How to tell that it works; left out, that its port accepts connections."),
		later[Webservice]("env", ": `env` at the top level is set for every process"),
		later[Webservice]("hosts", ""),
		later[Webservice]("paths", ""),
		later[Webservice]("health-check-path", ": write `health_check: {path: …}`"),
		later[Webservice]("type", ": name the language under `stack`"),
		later[Webservice]("extra_args", ": write the whole `command`"),
	),
	start: func() Webservice {
		return Webservice{
			Run: defaultRun(), Port: defaultPort, Replicas: defaultReplicas,
			HealthCheck: &HealthCheck{TCP: true},
		}
	},
	finish: func(r *reader, m *mapping, w *Webservice) { finishRun(r, m, &w.Run, defaultProcess) },
}
