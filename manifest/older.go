package manifest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// older is a process as a format before v1 describes it.
type older struct {
	// v1 holds what can be written in v1 already.
	v1 made
	// m is what was read.
	m *mapping

	name, command          string
	timeout                int
	publish                string
	checkScript, checkPath string
	filelog                bool
	continuous             bool

	// named is where its name is. In the list of jobs, image is written beside it, and isWebservice says what `publish: /`
	// says elsewhere.
	named        Position
	image        string
	isWebservice bool

	// build names the build that it runs in; empty: it runs in an image of the platform.
	build   string
	buildAt Position
}

// dialect is how a format spells the keys and calls its processes.
type dialect struct {
	noun  string
	spell func(key string) string
}

var inComponents = dialect{"component", func(key string) string { return key }}

// inList is that of `toolforge jobs load`.
var inList = dialect{"job", func(key string) string {
	if key == "memory" {
		return "mem"
	}
	return strings.ReplaceAll(key, "_", "-")
}}

var logFile = text{what: "the path of a file", max: maxPath}

// fields are the keys that the older formats share.
func (d dialect) fields() []field[older] {
	return []field[older]{
		in("command", commandLine, func(o *older) *string { return &o.command }, ""),
		as("cpu", cpuAmount, "cpu"),
		as(d.spell("memory"), memoryAmount, "memory"),
		as[Mount]("mount", oneOf[Mount]{MountNone, MountAll}, "mount"),
		as("emails", oneOf[Emails]{EmailsNone, EmailsOnFinish, EmailsOnFailure, EmailsAll}, "emails"),
		as("schedule", scheduleKind{}, "schedule"),
		as("retry", whole{0, maxRetry}, "retry"),
		in("timeout", secondsKind{whole{0, int(maxTimeout / time.Second)}}, func(o *older) *int { return &o.timeout }, ""),
		as("port", portNumber, "port"),
		as(d.spell("port_protocol"), oneOf[Protocol]{TCP, UDP}, "protocol"),
		in("publish", oneOf[string]{"/", "none"}, func(o *older) *string { return &o.publish }, ""),
		as("replicas", replicas, "replicas"),
		in(d.spell("health_check_script"), commandLine, func(o *older) *string { return &o.checkScript }, ""),
		in(d.spell("health_check_http"), checkPath, func(o *older) *string { return &o.checkPath }, ""),
		in("filelog", boolean{}, func(o *older) *bool { return &o.filelog }, ""),
		in(d.spell("filelog_stdout"), logFile, func(*older) *string { return new(string) }, ""),
		in(d.spell("filelog_stderr"), logFile, func(*older) *string { return new(string) }, ""),
	}
}

// as is a key whose values are those of a key of v1: they are read as kind k, for its problems, and kept as they are.
func as[V any](name string, k kind[V], key string) field[older] {
	return field[older]{
		Key: Key{Name: name, Allowed: k.allowed()},
		read: func(r *reader, v value, o *older) {
			if _, ok := k.read(r, v); ok {
				o.v1.set(key, v.keyAt, scalarNode(v.at, v.node.ShortTag(), v.node.Value))
			}
		},
	}
}

// finish checks what holds for every process, whenever it runs.
func (d dialect) finish(r *reader, m *mapping, o *older) {
	o.m, o.v1.at = m, m.at
	if !m.has("command") && !o.isWebservice {
		r.problems.add(m.at, "a %s needs `command`", d.noun)
	}
	d.finishCheck(r, m, o)
	d.finishLogs(r, m, o)
	if publish, ok := m.get("publish"); ok && o.publish == "/" {
		if protocol, ok := m.get(d.spell("port_protocol")); ok && protocol.node.Value == string(UDP) {
			r.problems.add(protocol.keyAt, "what is published answers web requests: leave out `%s: udp`", protocol.name)
		}
		if !m.has("port") {
			r.problems.add(publish.keyAt, "`publish` needs `port`: where the process listens, such as `port: 8000`")
		}
	}
}

// finishCheck makes the `health_check`.
func (d dialect) finishCheck(r *reader, m *mapping, o *older) {
	script, hasScript := m.get(d.spell("health_check_script"))
	path, hasPath := m.get(d.spell("health_check_http"))
	switch {
	case hasScript && hasPath:
		r.problems.add(path.keyAt, "`%s` and `%s` exclude each other: keep one", script.name, path.name)
	case o.checkScript != "":
		o.v1.set("health_check", script.keyAt, checkNode("script", script, withoutLauncher(o.checkScript)))
	case o.checkPath != "":
		if protocol, ok := m.get(d.spell("port_protocol")); ok && protocol.node.Value == string(UDP) {
			r.problems.add(path.keyAt, "`%s` needs a tcp port: with `%s: udp` only `%s` is possible",
				path.name, protocol.name, d.spell("health_check_script"))
		}
		if !m.has("port") && !o.isWebservice {
			r.problems.add(path.keyAt, "`%s` needs `port`: where the process listens", path.name)
		}
		o.v1.set("health_check", path.keyAt, checkNode("path", path, o.checkPath))
	}
}

func (d dialect) finishLogs(r *reader, m *mapping, o *older) {
	for _, key := range []string{"filelog", d.spell("filelog_stdout"), d.spell("filelog_stderr")} {
		if v, ok := m.get(key); ok && (key != "filelog" || o.filelog) {
			r.notes.add(v.keyAt, "`%s`: output goes to the platform's logs, not to files", key)
			return
		}
	}
}

// finishKind checks the keys that depend on when the process runs, and adds how v1 says that.
func (d dialect) finishKind(r *reader, o *older) {
	if o.m == nil {
		return
	}
	if schedule, ok := o.m.get("schedule"); ok && !o.continuous {
		var names []string
		for _, key := range []string{"port", "port_protocol", "publish", "replicas", "health_check_script", "health_check_http"} {
			names = append(names, d.spell(key))
		}
		misfits(r, o.m, names, "`%s` is for what is continuous; this "+d.noun+" is scheduled")
		d.finishTimeout(r, o, schedule)
		return
	}
	misfits(r, o.m, []string{"timeout", "retry"}, "`%s` is for what is scheduled; this "+d.noun+" is continuous")
	protocol, ok := o.m.get(d.spell("port_protocol"))
	if ok && !o.m.has("port") {
		r.problems.add(protocol.keyAt, "`%s` needs `port`", protocol.name)
	}
}

func (d dialect) finishTimeout(r *reader, o *older, schedule value) {
	timeout, ok := o.m.get("timeout")
	switch {
	case o.timeout > 0:
		o.v1.setText("timeout", timeout, seconds(o.timeout))
	case ok:
		r.notes.add(timeout.at, "`timeout: 0`: a run is ended after %s, so that a stuck one does not block the next for ever",
			seconds(int(defaultTimeout/time.Second)))
	default:
		r.notes.addOnce(schedule.keyAt, fmt.Sprintf("without `timeout`, a run is ended after %s, so that a stuck one does not "+
			"block the next for ever", seconds(int(defaultTimeout/time.Second))))
	}
}

// secondsKind is a number of seconds, as the older formats count.
type secondsKind struct{ whole }

func (k secondsKind) allowed() string { return "in seconds, " + k.whole.allowed() }

func (k secondsKind) read(r *reader, v value) (int, bool) {
	n, ok := k.whole.read(newReader(nil), v)
	if !ok {
		r.wrong(v, k.allowed())
	}
	return n, ok
}

// seconds writes a number of seconds as v1 does.
func seconds(n int) string {
	switch {
	case n%3600 == 0:
		return strconv.Itoa(n/3600) + "h"
	case n%60 == 0:
		return strconv.Itoa(n/60) + "m"
	}
	return strconv.Itoa(n) + "s"
}

// webName are the names of what may be meant to be the webservice.
var webName = regexp.MustCompile(`^(.*-)?(web|webservice|webapp|website|www|site|frontend|http)(-.*)?$`)

// looksLikeWebservice: `publish` did not exist when many files were written.
func (o *older) looksLikeWebservice() bool {
	port, ok := o.m.get("port")
	return ok && port.node.Value == strconv.Itoa(defaultPort) && o.publish == "" && !o.m.has("publish") && webName.MatchString(o.name)
}

// withoutLauncher drops what starts a process in Toolforge's images and in the platform's by itself.
func withoutLauncher(command string) string {
	if rest, ok := strings.CutPrefix(command, "launcher "); ok {
		return strings.TrimSpace(rest)
	}
	return command
}
