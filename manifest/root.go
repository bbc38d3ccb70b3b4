package manifest

import (
	"path"
	"regexp"
	"strings"
)

const example = "the smallest useful file is the two lines `stack: python` and `webservice: {}`"

var languageName = regexp.MustCompile(`^[a-z][a-z0-9.+-]{0,62}$`)

var language = text{
	what: "the name of a language, such as `python`", max: 63,
	check: matching(languageName, "the name of a language in lower-case letters, such as `python`"),
}

// version is kept nowhere: there is only one.
var root = section[Manifest]{
	place: "the top level",
	fields: []field[Manifest]{
		in("version", oneOf[string]{"v1"}, func(*Manifest) *string { return new(string) },
			"The version of this format; left out, it is `v1`."),
		in("stack", oneOrMore[string]{list[string]{language, maxStack}}, func(m *Manifest) *[]string { return &m.Stack },
			"The languages the source is written in, in order; left out, they are detected."),
		in("build", buildSection, func(m *Manifest) *Build { return &m.Build },
			"How the image is built from the repository."),
		in("env", variables{portIsSet: true}, func(m *Manifest) *map[string]string { return &m.Env },
			"Environment variables for every process."),
		in("webservice", optional[Webservice]{webserviceSection}, func(m *Manifest) **Webservice { return &m.Webservice },
			"The process that answers web requests."),
		in("jobs", list[Job]{jobSection, maxJobs}, func(m *Manifest) *[]Job { return &m.Jobs },
			"Processes beside the webservice, each either scheduled or continuous."),
		later[Manifest]("builds", ""),
		later[Manifest]("secrets", ""),
		later[Manifest]("network", ""),
		later[Manifest]("kubernetes", ""),
	},
	finish: finishManifest,
}

func finishManifest(r *reader, m *mapping, t *Manifest) {
	if !m.has("webservice") && !m.has("jobs") && len(r.problems) == 0 {
		r.problems.add(m.at,
			"there is nothing to run: add `webservice: {}` or `jobs`; to run nothing on purpose, write `jobs: []`")
	}
}

var buildSection = section[Build]{
	place: "`build`",
	fields: []field[Build]{
		in("path", sourcePath, func(b *Build) *string { return &b.Path },
			"The directory of the repository that holds the source; left out, it is the root."),
		in("env", variables{}, func(b *Build) *map[string]string { return &b.Env },
			"Environment variables while building, and only then."),
		later[Build]("builder", ""),
		later[Build]("ignore", ""),
	},
	finish: func(_ *reader, _ *mapping, b *Build) {
		if b.Path == "." {
			b.Path = ""
		}
	},
}

var sourcePath = text{what: "a directory of the repository, such as `app`", max: maxPath, check: func(s string) string {
	switch clean := path.Clean(s); {
	case strings.HasPrefix(s, "/"):
		return "must be a directory of the repository: leave out the `/` at the beginning"
	case strings.ContainsAny(s, "\\\n\t"):
		return "must be a directory of the repository, with `/` between its parts"
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "must stay within the repository: `..` leads out of it"
	case clean != s:
		return "must be written without needless parts: `" + shorten(clean) + "`"
	}
	return ""
}}
