package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// template is what the keys of a service.template, and those of a list of jobs, say beside keys of v1.
type template struct {
	older
	kind, image, backend string
	args                 []string
}

// templateSection has the keys of `webservice` that v1 spells otherwise.
var templateSection = section[template]{
	place: "`webservice`",
	fields: []field[template]{
		within(as("mem", memoryAmount, "memory")),
		in("health-check-path", checkPath, func(t *template) *string { return &t.checkPath }, ""),
		in("type", imageType, func(t *template) *string { return &t.kind }, ""),
		in("extra_args", arguments{}, func(t *template) *[]string { return &t.args }, ""),
		in("backend", oneOf[string]{"kubernetes", "gridengine", "jobs-api"}, func(t *template) *string { return &t.backend }, ""),
		in("buildservice-image", ownOldImage, func(t *template) *string { return &t.image }, ""),
		in("canonical", anything{}, func(*template) *struct{} { return &struct{}{} }, ""),
		in("release", anything{}, func(*template) *struct{} { return &struct{}{} }, ""),
	},
}

// entrySection has the keys of an entry of `jobs` that v1 spells otherwise.
var entrySection = section[older]{place: "an entry of `jobs`", fields: slices.DeleteFunc(
	append(inList.fields(), in("no-filelog", boolean{}, func(*older) *bool { return new(bool) }, "")),
	func(f field[older]) bool {
		return f.Name == "publish" || jobSection.knows(f.Name)
	})}

var imageType = text{what: "`buildservice` or an image of the platform, such as `python3.11`", max: imageName.max, pattern: imageName.pattern, form: imageName.form}

var ownOldImage = text{what: "an image that the tool builds", max: oldImage.max, check: oldImage.check}

func within(f field[older]) field[template] {
	return field[template]{Key: f.Key, read: func(r *reader, v value, t *template) { f.read(r, v, &t.older) }}
}

// spellings are the older keys that only one key of v1 can stand for.
var (
	templateSpellings = map[string]string{
		"mem": "memory", "health-check-path": "health_check", "type": "image", "extra_args": "command",
	}
	entrySpellings = map[string]string{
		"mem": "memory", "port-protocol": "protocol", "health-check-script": "health_check", "health-check-http": "health_check",
	}
)

// fromTemplate writes the older keys of a file of v1 as v1 has them. It returns false when there are none.
func fromTemplate(r *reader, document *yaml.Node, origin Origin) (*yaml.Node, bool) {
	if !hasOlderKey(document) {
		return nil, false // the most of all files: they are read once
	}
	top, ok := r.mapping(value{name: "toolforge.yaml", at: position(document), node: document}, "a mapping")
	if !ok {
		return nil, false
	}
	file, found := made{at: top.at}, false
	for _, e := range top.entries {
		older := false
		switch e.name {
		case "webservice":
			e.node, older = webserviceFromTemplate(r, e, origin)
		case "jobs":
			e.node, older = jobsFromTemplate(r, e)
		}
		file.keep(e)
		found = found || older
	}
	return file.node(), found
}

// hasOlderKey tells whether any key of the file, wherever it is, is spelt as one of the older ones.
func hasOlderKey(n *yaml.Node) bool {
	for i, child := range n.Content {
		isKey := n.Kind == yaml.MappingNode && i%2 == 0
		if isKey && (templateSection.knows(child.Value) || entrySection.knows(child.Value)) || hasOlderKey(child) {
			return true
		}
	}
	return false
}

// keep adds an entry as it is.
func (m *made) keep(e value) {
	node := *e.node
	node.Line, node.Column = e.at.Line, e.at.Column
	m.set(e.name, e.keyAt, &node)
}

func webserviceFromTemplate(r *reader, v value, origin Origin) (*yaml.Node, bool) {
	t := template{}
	read := func(m *mapping, e value) { templateSection.readEntry(r, m, e, &t) }
	found := t.readMixed(r, v, templateSection.knows, templateSpellings, read)
	if !found {
		return v.node, false
	}
	t.finish(r, origin)
	return t.v1.node(), true
}

func jobsFromTemplate(r *reader, v value) (*yaml.Node, bool) {
	if v.node.Kind != yaml.SequenceNode || len(v.node.Content) > maxJobs {
		return v.node, false
	}
	jobs, found := slices.Clone(v.node.Content), false
	for i, n := range jobs {
		o := older{}
		read := func(m *mapping, e value) { entrySection.readEntry(r, m, e, &o) }
		entry := r.child(v, v.name, fmt.Sprintf("[%d]", i), position(n), n)
		if !o.readMixed(r, entry, entrySection.knows, entrySpellings, read) {
			continue
		}
		inList.finishCheck(r, o.m, &o)
		inList.finishLogs(r, o.m, &o)
		jobs[i], found = o.v1.node(), true
	}
	return sequenceNode(v.at, jobs), found
}

// readMixed reads a mapping with keys of v1, which are kept, and older ones. It returns false when there are none of those.
func (o *older) readMixed(r *reader, v value, knows func(string) bool, spellings map[string]string, read func(*mapping, value)) bool {
	if v.node.Kind != yaml.MappingNode {
		return false
	}
	m, ok := r.mapping(v, "a mapping")
	if !ok || !slices.ContainsFunc(m.entries, func(e value) bool { return knows(e.name) }) {
		return false
	}
	o.m, o.v1.at = m, v.at
	for _, e := range m.entries {
		switch v1 := spellings[e.name]; {
		case !knows(e.name):
			o.v1.keep(e)
		case v1 != "" && m.has(v1):
			r.problems.add(e.keyAt, "`%s` is an old spelling of `%s`, which is here too: keep `%[2]s`", e.name, v1)
		default:
			read(m, e)
		}
	}
	return true
}

// finish decides on what several keys together mean.
func (t *template) finish(r *reader, origin Origin) {
	if e, ok := t.m.get("health-check-path"); ok && t.checkPath != "" {
		t.v1.set("health_check", e.keyAt, checkNode("path", e, t.checkPath))
	}
	t.finishImage(r, origin)
	if e, ok := t.m.get("extra_args"); ok && len(t.args) > 0 {
		t.finishCommand(r, e)
	}
	for _, key := range []string{"backend", "canonical", "release"} {
		if e, ok := t.m.get(key); ok {
			r.notes.add(e.keyAt, "`%s` means nothing any more: leave it out", key)
		}
	}
}

// finishImage: `type` is an image of the platform, or says that the tool has one of its own.
func (t *template) finishImage(r *reader, origin Origin) {
	kind, _ := t.m.get("type")
	if image, ok := t.m.get("buildservice-image"); ok && t.image != "" {
		w := &images{r: r, origin: origin}
		w.chooseOwn([]string{t.image})
		if _, catalogue := w.build(image, t.image); catalogue != "" {
			r.problems.add(image.at, "%s must be an image that the tool builds; `%s` is one of the platform: write `image`", image.label(), catalogue)
		}
	}
	switch {
	case t.kind == "":
	case t.kind == ownImage:
		r.notes.add(kind.keyAt, "`type: buildservice` is what every webservice is that has no `image`: leave it out")
	case t.m.has("build"):
		r.problems.add(kind.keyAt, "`type` is an image of the platform, and `build` one that is built: keep one")
	default:
		t.v1.setText("image", kind, t.kind)
		t.mountAll(r, kind)
	}
}

// finishCommand: `extra_args` is what runs.
func (t *template) finishCommand(r *reader, args value) {
	if process, ok := t.m.get("process"); ok {
		r.problems.add(process.keyAt, "`process` and `extra_args` both say what runs: keep `process`")
		return
	}
	command := strings.Join(t.args, " ")
	if t.v1.has("image") {
		r.notes.add(args.keyAt, "`extra_args` is run as the `command`, in place of what the image runs by itself")
	} else {
		command = withoutLauncher(command)
		r.words[WebserviceName] = isProcessName(command)
	}
	t.v1.setText("command", args, command)
}

// arguments are words of a command line: one text, or a list of single words.
type arguments struct{}

func (arguments) allowed() string { return "a command line, or the list of its words" }

func (k arguments) read(r *reader, v value) ([]string, bool) {
	if v.node.Kind != yaml.SequenceNode {
		line, ok := commandLine.read(r, v)
		return []string{line}, ok
	}
	words, ok := list[string]{of: commandLine, max: maxVariables}.read(r, v)
	for i, w := range words {
		words[i] = quoted(w)
	}
	return words, ok
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)

// quoted is a word of a command line that the shell takes as it is.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
