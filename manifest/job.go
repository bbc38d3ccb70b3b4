package manifest

import (
	"regexp"
	"time"
)

var jobNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

var jobName = text{
	what: "a name such as `update-stats`", max: maxJobName,
	pattern: jobNamePattern, form: "lower-case letters, digits and `-`, beginning and ending with a letter or digit",
}

var jobSection = section[Job]{
	place: "an entry of `jobs`", filled: true,
	such: "{name: update-stats, schedule: \"@daily\", command: ./update}",
	fields: append(runFields(func(j *Job) *Run { return &j.Run }, variables{}),
		in("name", jobName, func(j *Job) *string { return &j.Name },
			"The job's name, once in the file, at most 52 characters.").eg("update-stats"),
		in("schedule", scheduleKind{}, func(j *Job) *Schedule { return &j.Schedule },
			"When a scheduled job runs.").eg("@daily").at("scheduled-jobs"),
		in("timeout", duration{maxTimeout}, func(j *Job) *time.Duration { return &j.Timeout },
			"When a run of a scheduled or pre-deploy job is ended; left out, after `24h` and `10m`.").eg("1h").at("scheduled-jobs"),
		in("retry", whole{0, maxRetry}, func(j *Job) *int { return &j.Retry },
			"How often a failed run of a scheduled job is tried again.").eg(2).or(0).at("scheduled-jobs"),
		in("concurrency", oneOf[Concurrency]{Forbid, Replace, Allow}, func(j *Job) *Concurrency { return &j.Concurrency },
			"What happens to a run that is due while the last one of a scheduled job still runs.").eg(string(Replace)).or(string(Forbid)).at("scheduled-jobs"),
		in("continuous", boolean{}, func(j *Job) *bool { return &j.Continuous },
			"`true` for a job that runs without end and is always restarted.").eg(true).at("continuous-jobs"),
		in("replicas", replicas, func(j *Job) *int { return &j.Replicas },
			"How many copies of a continuous job run.").eg(2).or(defaultReplicas).at("continuous-jobs"),
		in("port", portNumber, func(j *Job) *int { return &j.Port },
			"Where a continuous job listens; the tool's other processes reach it under the job's name.").eg(9095).at("continuous-jobs"),
		in("protocol", oneOf[Protocol]{TCP, UDP}, func(j *Job) *Protocol { return &j.Protocol },
			"The protocol of `port`.").eg(string(UDP)).or(string(TCP)).at("continuous-jobs"),
		in("health_check", optional[HealthCheck]{healthCheckSection}, func(j *Job) **HealthCheck { return &j.HealthCheck },
			"How to tell that a continuous job works.").eg(object{"script": "./check"}).at("health_check"),
		in("emails", oneOf[Emails]{EmailsNone, EmailsOnFinish, EmailsOnFailure, EmailsAll}, func(j *Job) *Emails { return &j.Emails },
			"Of which ends of the job the maintainers are told by mail.").eg(string(EmailsOnFailure)).or(string(EmailsNone)).at("emails"),
		in("pre_deploy", boolean{}, func(j *Job) *bool { return &j.PreDeploy },
			"`true` for a job that runs once for each deployment, before anything else changes; its failure stops the deployment.").eg(true).at("pre-deploy-jobs"),
	),
	rules:  append(jobRules(), portRules()...),
	start:  func() Job { return Job{Run: defaultRun(), Emails: EmailsNone} },
	finish: finishJob,
}

// jobRules: a job is of one of three kinds, and each has its keys.
func jobRules() []object {
	continuous, preDeploy := isTrue("continuous"), isTrue("pre_deploy")
	kinds := object{
		"anyOf":        []object{required("schedule"), continuous, preDeploy},
		"errorMessage": "A job needs `schedule`, `continuous: true` or `pre_deploy: true`.",
	}
	return runRules(
		required("name"), anyOf("command", "process"), kinds, dependent("protocol", "port"),
		without(continuous, "schedule", "timeout", "retry", "concurrency"),
		without(preDeploy, "schedule", "replicas", "port", "protocol", "health_check", "concurrency", "retry"),
		without(required("schedule"), "replicas", "port", "protocol", "health_check"),
		without(preDeploy, "continuous"),
	)
}

// portRules are those of finishName, finishContinuous and finishPort.
func portRules() []object {
	reaches := object{
		"properties": object{"health_check": anyOf("path", "tcp")}, "required": []string{"health_check"},
	}
	udp := object{"properties": object{"protocol": object{"const": UDP}}, "required": []string{"protocol"}}
	of := func(key string, what object) object { return object{"properties": object{key: what}} }
	return []object{
		of("name", object{"not": object{"const": WebserviceName},
			"errorMessage": "`webservice` is the name of the tool's webservice: give the job another one."}),
		{"if": reaches, "then": required("port")},
		{"if": udp, "then": of("health_check", required("script"))},
		{"if": required("port"), "then": of("name", object{"pattern": "^[a-z]",
			"patternErrorMessage": "The name of a job with a `port` must begin with a letter."})},
		{"if": required("port"), "then": of("env", object{"propertyNames": object{"not": object{"const": "PORT"},
			"errorMessage": "`PORT` is set by the platform to the value of `port`."}})},
	}
}

func finishJob(r *reader, m *mapping, j *Job) {
	finishName(r, m, j)
	finishRun(r, m, &j.Run, "")
	schedule, scheduled := m.get("schedule")
	preDeploy, _ := m.get("pre_deploy")
	switch {
	case scheduled && j.Continuous:
		r.problems.add(schedule.keyAt,
			"`schedule` and `continuous: true` exclude each other: a job is either scheduled or continuous")
	case j.PreDeploy && (scheduled || j.Continuous):
		r.problems.add(preDeploy.keyAt, "`pre_deploy: true` excludes `schedule` and `continuous`: such a job runs once for each deployment")
	case j.Continuous:
		finishContinuous(r, m, j)
	case scheduled:
		finishScheduled(r, m, j)
	case j.PreDeploy:
		finishPreDeploy(r, m, j)
	case unfinished(m, "continuous"), unfinished(m, "pre_deploy"), m.meant["schedule"], m.meant["continuous"], m.meant["pre_deploy"]:
		// The problem has been told already.
	default:
		r.problems.add(m.at, "a job needs `schedule` (when it runs), `continuous: true` (it always runs) "+
			"or `pre_deploy: true` (it runs before each deployment)")
	}
}

// unfinished tells of a key whose value is wrong.
func unfinished(m *mapping, name string) bool {
	e, says := m.get(name)
	return says && e.node.Value != "false"
}

func finishName(r *reader, m *mapping, j *Job) {
	if !m.has("name") {
		r.problems.add(m.at, "a job needs a `name`")
	}
	if j.Name == "" {
		return
	}
	name, _ := m.get("name")
	if j.Name == WebserviceName {
		r.problems.add(name.at, "`webservice` is the name of the tool's webservice: give the job another one")
	}
	if before, twice := r.jobNames[j.Name]; twice {
		r.problems.add(name.at, "two jobs are called `%s`, on line %d and on line %d: names must differ",
			j.Name, before.Line, name.at.Line)
		return
	}
	r.jobNames[j.Name] = name.at
}

func finishScheduled(r *reader, m *mapping, j *Job) {
	misfits(r, m, []string{"replicas", "port", "protocol", "health_check"}, "`%s` is for continuous jobs; this job is scheduled")
	if !m.has("timeout") {
		j.Timeout = defaultTimeout
	}
	if !m.has("concurrency") {
		j.Concurrency = Forbid
	}
}

func finishPreDeploy(r *reader, m *mapping, j *Job) {
	misfits(r, m, []string{"replicas", "port", "protocol", "health_check"}, "`%s` is for continuous jobs; this one runs before each deployment")
	misfits(r, m, []string{"concurrency"}, "`%s` is for scheduled jobs; this one runs before each deployment")
	misfits(r, m, []string{"retry"}, "`%s` is for scheduled jobs; one that runs before a deployment is never run twice")
	if !m.has("timeout") {
		j.Timeout = defaultPreDeploy
	}
}

// misfits tells of keys that do not fit this kind of job.
func misfits(r *reader, m *mapping, names []string, message string) {
	for _, name := range names {
		if e, ok := m.get(name); ok {
			r.problems.add(e.keyAt, message, name)
		}
	}
}

func finishContinuous(r *reader, m *mapping, j *Job) {
	misfits(r, m, []string{"timeout"}, "`%s` is for scheduled jobs; a continuous job runs without end")
	misfits(r, m, []string{"retry"}, "`%s` is for scheduled jobs; a continuous job is always restarted")
	misfits(r, m, []string{"concurrency"}, "`%s` is for scheduled jobs; a continuous job has no runs that could overlap")
	if !m.has("replicas") {
		j.Replicas = defaultReplicas
	}
	if m.has("port") {
		finishPort(r, m, j)
		return
	}
	if protocol, ok := m.get("protocol"); ok {
		r.problems.add(protocol.keyAt, "`protocol` needs `port`")
	}
	if j.HealthCheck != nil && j.HealthCheck.Script == "" {
		check, _ := m.get("health_check")
		r.problems.add(check.at, "this `health_check` needs `port`; without one, only `script` is possible")
	}
}

// finishPort checks a continuous job that other processes can reach.
func finishPort(r *reader, m *mapping, j *Job) {
	if !m.has("protocol") {
		j.Protocol = TCP
	}
	if at, ok := r.positions[m.path+".env.PORT"]; ok {
		r.problems.add(at, "`PORT` is set by the platform to the value of `port`: leave it out here")
	}
	// The name becomes a host name that other processes look up, and those begin with a letter.
	if name, ok := m.get("name"); ok && j.Name != "" && j.Name[0] <= '9' {
		r.problems.add(name.at, "the name of a job with a `port` must begin with a letter; found %q", j.Name)
	}
	check, hasCheck := m.get("health_check")
	switch {
	case j.Protocol == TCP && !hasCheck:
		j.HealthCheck = &HealthCheck{TCP: true}
	case j.Protocol == UDP && j.HealthCheck != nil && j.HealthCheck.Script == "":
		r.problems.add(check.at, "with `protocol: udp` only `health_check: {script: …}` is possible")
	}
}
