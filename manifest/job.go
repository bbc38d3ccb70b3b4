package manifest

import (
	"regexp"
	"time"
)

var jobNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// webserviceName is what the processes of the tool call its webservice; no job may take it.
const webserviceName = "webservice"

var jobName = text{
	what: "a name such as `update-stats`", max: maxJobName,
	check: matching(jobNamePattern, "lower-case letters, digits and `-`, beginning and ending with a letter or digit"),
}

var jobSection = section[Job]{
	place: "an entry of `jobs`",
	fields: append(runFields(func(j *Job) *Run { return &j.Run }),
		in("name", jobName, func(j *Job) *string { return &j.Name },
			"The job's name, once in the file, at most 52 characters."),
		in("env", variables{}, func(j *Job) *map[string]string { return &j.Env },
			"Environment variables for this job; they win over those of the top level."),
		in("schedule", scheduleKind{}, func(j *Job) *Schedule { return &j.Schedule },
			"When a scheduled job runs."),
		in("timeout", duration{maxTimeout}, func(j *Job) *time.Duration { return &j.Timeout },
			"When a run of a scheduled job is ended."),
		in("retry", whole{0, maxRetry}, func(j *Job) *int { return &j.Retry },
			"How often a failed run of a scheduled job is tried again."),
		in("concurrency", oneOf[Concurrency]{Forbid, Replace, Allow}, func(j *Job) *Concurrency { return &j.Concurrency },
			"What happens to a run that is due while the last one of a scheduled job still runs."),
		in("continuous", boolean{}, func(j *Job) *bool { return &j.Continuous },
			"`true` for a job that runs without end and is always restarted."),
		in("replicas", replicas, func(j *Job) *int { return &j.Replicas },
			"How many copies of a continuous job run."),
		in("port", portNumber, func(j *Job) *int { return &j.Port },
			"Where a continuous job listens; the tool's other processes reach it under the job's name."),
		in("protocol", oneOf[Protocol]{TCP, UDP}, func(j *Job) *Protocol { return &j.Protocol },
			"The protocol of `port`."),
		in("health_check", optional[HealthCheck]{healthCheckSection}, func(j *Job) **HealthCheck { return &j.HealthCheck },
			"How to tell that a continuous job works."),
		later[Job]("emails", ""),
		later[Job]("pre_deploy", ""),
	),
	start:  func() Job { return Job{Run: defaultRun()} },
	finish: finishJob,
}

func finishJob(r *reader, m *mapping, j *Job) {
	finishName(r, m, j)
	schedule, scheduled := m.get("schedule")
	continuous, says := m.get("continuous")
	switch {
	case scheduled && j.Continuous:
		r.problems.add(schedule.keyAt,
			"`schedule` and `continuous: true` exclude each other: a job is either scheduled or continuous")
	case j.Continuous:
		finishContinuous(r, m, j)
	case scheduled:
		finishScheduled(r, m, j)
	case says && continuous.node.Value != "false", m.meant["schedule"], m.meant["continuous"], m.has("pre_deploy"):
		// The problem has been told already.
	default:
		r.problems.add(m.at, "a job needs `schedule` (when it runs) or `continuous: true` (it always runs)")
	}
	finishRun(r, m, &j.Run, "")
}

func finishName(r *reader, m *mapping, j *Job) {
	if !m.has("name") {
		r.problems.add(m.at, "a job needs a `name`")
	}
	if j.Name == "" {
		return
	}
	name, _ := m.get("name")
	if j.Name == webserviceName {
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
	for _, name := range []string{"replicas", "port", "protocol", "health_check"} {
		if e, ok := m.get(name); ok {
			r.problems.add(e.keyAt, "`%s` is for continuous jobs; this job is scheduled", name)
		}
	}
	if !m.has("timeout") {
		j.Timeout = defaultTimeout
	}
	if !m.has("concurrency") {
		j.Concurrency = Forbid
	}
}

func finishContinuous(r *reader, m *mapping, j *Job) {
	for _, misfit := range [][2]string{
		{"timeout", "runs without end"},
		{"retry", "is always restarted"},
		{"concurrency", "has no runs that could overlap"},
	} {
		if e, ok := m.get(misfit[0]); ok {
			r.problems.add(e.keyAt, "`%s` is for scheduled jobs; a continuous job %s", misfit[0], misfit[1])
		}
	}
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
