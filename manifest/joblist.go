package manifest

import "go.yaml.in/yaml/v3"

// listedSection is a job of the list that `toolforge jobs load` takes.
var listedSection = section[older]{
	place: "a job",
	fields: append(inList.fields(),
		in("name", jobName, func(o *older) *string { return &o.name }, ""),
		in("image", oldImage, func(o *older) *string { return &o.image }, ""),
		in("continuous", boolean{}, func(o *older) *bool { return &o.continuous }, ""),
		in("webservice", boolean{onlyTrue: true}, func(o *older) *bool { return &o.isWebservice }, ""),
		in("no-filelog", boolean{}, func(*older) *bool { return new(bool) }, ""),
		in("wait", anything{}, func(*older) *struct{} { return &struct{}{} }, ""),
	),
	finish: finishListed,
}

func finishListed(r *reader, m *mapping, o *older) {
	inList.finish(r, m, o)
	name, hasName := m.get("name")
	o.named = name.at
	switch {
	case o.isWebservice && !hasName:
		o.name, o.named = WebserviceName, m.at
	case !hasName:
		r.problems.add(m.at, "a job needs a `name`")
	}
	if wait, ok := m.get("wait"); ok {
		r.notes.add(wait.keyAt, "`wait` has no effect: nobody waits for the job")
	}
	if !m.has("image") {
		r.problems.add(m.at, "a job needs `image`: %s", oldImage.what)
	}
	schedule, scheduled := m.get("schedule")
	switch {
	case scheduled && (o.continuous || o.isWebservice):
		r.problems.add(schedule.keyAt, "`schedule` and what always runs (`continuous: true`, `webservice: true`) exclude each other: keep one")
	case scheduled:
		inList.finishKind(r, o)
	case o.continuous || o.isWebservice:
		o.continuous = true
		inList.finishKind(r, o)
	case unfinished(m, "continuous"), unfinished(m, "webservice"), m.meant["schedule"], m.meant["continuous"]:
		// The problem has been told already.
	default:
		r.problems.add(m.at, "this job runs once, when somebody loads the list, and nobody does here: give it a `schedule`, or "+
			"`continuous: true`; or, if it is to run before each deployment, write the file in v1, where such a job has `pre_deploy: true`")
	}
}

// fromList writes a list of jobs in v1.
func fromList(r *reader, document *yaml.Node, origin Origin) *yaml.Node {
	_, r.root = listedSection.nestedKeys()
	k := list[older]{of: listedSection, max: maxJobs}
	read, _ := k.read(r, value{name: "toolforge.yaml", at: position(document), node: document})
	all := make([]*older, len(read))
	for i := range read {
		all[i] = &read[i]
	}
	top := made{at: position(document)}
	chooseImages(r, all, origin)
	inList.assemble(r, &top, all)
	return top.node()
}

// chooseImages decides in which image each job runs. Those in an image of the platform had the shared volumes and wrote
// their output there.
func chooseImages(r *reader, all []*older, origin Origin) {
	w := &images{r: r, origin: origin}
	var written []string
	for _, o := range all {
		written = append(written, o.image)
	}
	w.chooseOwn(written)
	for _, o := range all {
		if o.image == "" {
			continue
		}
		v, _ := o.m.get("image")
		var image string
		o.build, image = w.build(v, o.image)
		o.buildAt = v.at
		if image == "" {
			continue
		}
		o.v1.setText("image", v, image)
		o.mountAll(r, v)
		if !o.m.has("filelog") && !o.m.has("no-filelog") {
			r.notes.addOnce(v.keyAt, "jobs in an image of the platform wrote their output to files in the tool's home: "+
				"it goes to the platform's logs")
		}
	}
}

// mountAll gives a process in an image of the platform what it had on Toolforge when the file did not say.
func (o *older) mountAll(r *reader, image value) {
	if o.v1.has("mount") {
		return
	}
	o.v1.set("mount", image.keyAt, scalarNode(image.keyAt, "!!str", string(MountAll)))
	r.notes.addOnce(image.keyAt, "without `mount`, a process in an image of the platform sees the shared volumes, as it did on "+
		"Toolforge: `mount: all`")
}
