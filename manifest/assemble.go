package manifest

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// assemble writes the processes of an older format in v1, unless there are problems: one is the webservice, the others are
// jobs.
func (d dialect) assemble(r *reader, top *made, all []*older) {
	web := d.published(r, all)
	d.ask(r, web, all)
	if len(r.problems) > 0 {
		return
	}
	var jobs []*yaml.Node
	for _, o := range all {
		o.writeRun(r)
		if o == web {
			top.set("webservice", o.named, d.webservice(r, o, len(all) > 1))
			r.words[WebserviceName] = o.isWord()
			continue
		}
		r.words[fmt.Sprintf("jobs[%d]", len(jobs))] = o.isWord()
		jobs = append(jobs, o.job())
	}
	if len(jobs) > 0 {
		top.set("jobs", position(jobs[0]), sequenceNode(position(jobs[0]), jobs))
	}
}

// published is the process that answers web requests, or nil.
func (d dialect) published(r *reader, all []*older) *older {
	var web *older
	for _, o := range all {
		switch {
		case o.publish != "/" && !o.isWebservice:
		case web == nil:
			web = o
		default:
			r.problems.add(o.named, "`%s` on line %d is published already, and a tool has one webservice: "+
				"which is it? Leave `%s` out at the other", shorten(web.name), web.named.Line, o.publishKey())
		}
	}
	return web
}

func (o *older) publishKey() string {
	if o.isWebservice {
		return "webservice: true"
	}
	return "publish: /"
}

// ask does not guess whether a process is the webservice when it looks like it and nothing else is.
func (d dialect) ask(r *reader, web *older, all []*older) {
	if web != nil {
		return
	}
	for _, o := range all {
		if o.m != nil && o.looksLikeWebservice() {
			port, _ := o.m.get("port")
			r.problems.add(port.keyAt, "is `%s` the tool's webservice? If it is, add `publish: /`; if only the tool's other "+
				"processes are to reach it, add `publish: none`", shorten(o.name))
		}
	}
}

// writeRun adds the image and the command.
func (o *older) writeRun(r *reader) {
	command, hasCommand := o.m.get("command")
	if o.build != "" && o.build != MainBuild {
		o.v1.set("build", o.buildAt, scalarNode(o.buildAt, "!!str", o.build))
	}
	if o.build != "" {
		o.command = withoutLauncher(o.command)
	}
	if hasCommand && o.command != "" {
		o.v1.setText("command", command, o.command)
	}
}

// isWord tells of a command that Toolforge's launcher takes for a process type when the image has one of that name.
func (o *older) isWord() bool { return o.build != "" && isProcessName(o.command) }

func isProcessName(command string) bool {
	return len(command) <= maxProcessName && processName.MatchString(command)
}

func (o *older) job() *yaml.Node {
	o.v1.set("name", o.named, scalarNode(o.named, "!!str", o.name))
	if o.continuous {
		o.v1.set("continuous", o.named, scalarNode(o.named, "!!bool", "true"))
	}
	o.v1.sort()
	return o.v1.node()
}

func (d dialect) webservice(r *reader, o *older, hasOthers bool) *yaml.Node {
	if emails, ok := o.v1.remove("emails"); ok && emails.value.Value != string(EmailsNone) {
		r.notes.add(position(emails.key), "`emails` has no effect for the webservice: its state is on the tool's page")
	}
	if hasOthers && o.name != WebserviceName {
		r.notes.add(o.named, "`%s` becomes the webservice: the tool's other processes reach it at the host name `webservice`, "+
			"no longer `%[1]s`", shorten(o.name))
	}
	o.v1.sort()
	return o.v1.node()
}
