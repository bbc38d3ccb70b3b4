package manifest

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

var (
	languageName = regexp.MustCompile(`^[a-z][a-z0-9.+-]{0,62}$`)
	catalogName  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)
)

var language = text{
	what: "the name of a language, such as `python`", max: 63,
	pattern: languageName, form: "the name of a language in lower-case letters, such as `python`",
}

var stack = oneOrMore[string]{list[string]{language, maxStack}}

var builderName = text{
	what: "the name of a builder of the platform, such as `bookworm`", max: 63,
	pattern: catalogName, form: "the name of a builder: lower-case letters, digits, `.` and `-`",
}

// wrongBuildName: the name is a part of the image's name in the registry, and of the names of the build's pods.
func wrongBuildName(s string) string {
	switch {
	case s == MainBuild:
		return "a build under `builds` must not be called `main`: that is the image of this repository, under `build`"
	case len(s) > maxJobName || !jobNamePattern.MatchString(s):
		return fmt.Sprintf("%q is no name for a build: use lower-case letters, digits and `-`, beginning and ending with a "+
			"letter or digit, at most %d characters", shorten(s), maxJobName)
	}
	return ""
}

func buildNames() object {
	return object{
		"pattern": jobNamePattern.String(), "maxLength": maxJobName, "patternErrorMessage": "This is no name for a build.",
		"not": object{"const": MainBuild}, "errorMessage": "`main` is the image of this repository, under `build`.",
	}
}

var otherBuilds = named[Build]{
	of: otherBuildSection, what: "builds", such: "redis: {repository: https://gitlab.example/redis.git}", max: maxBuilds,
	wrongName: wrongBuildName, names: buildNames,
}

// buildFields are the keys of every build.
func buildFields() []field[Build] {
	return []field[Build]{
		in("builder", builderName, func(b *Build) *string { return &b.Builder },
			"The entry of the platform's catalogue that builds; left out, it is the platform's default.").eg("bookworm").at("builder"),
		in("path", sourcePath, func(b *Build) *string { return &b.Path },
			"The directory of the repository that holds the source; left out, it is the root.").eg("app").at("build"),
		in("ignore", list[string]{ignorePattern, maxIgnore}, func(b *Build) *[]string { return &b.Ignore },
			"Patterns, as in a `.gitignore`, of files whose changes alone cause no build.").eg([]string{"docs/**", "*.md"}).at("ignore"),
		in("env", variables{}, func(b *Build) *map[string]string { return &b.Env },
			"Environment variables while building, and only then.").eg(object{"NODE_ENV": "production"}).at("build"),
	}
}

var buildSection = section[Build]{
	place:  "`build`",
	such:   "{path: app}",
	fields: buildFields(),
	finish: finishBuild,
}

var otherBuildSection = section[Build]{
	place: "an entry of `builds`",
	such:  "{repository: https://gitlab.example/redis.git}",
	fields: append(buildFields(),
		in("repository", repositoryURL, func(b *Build) *string { return &b.Repository },
			"The URL of the git repository; left out, it is the tool's own.").eg("https://gitlab.example/redis.git"),
		in("ref", refName, func(b *Build) *string { return &b.Ref },
			"The branch, tag or full commit id of `repository`; left out, its HEAD is followed.").eg("refs/tags/v1.2.0"),
		in("stack", stack, func(b *Build) *[]string { return &b.Stack },
			"The languages the source is written in, in order; left out, they are detected.").eg("go").at("stack"),
	),
	rules: []object{dependent("ref", "repository")},
	finish: func(r *reader, m *mapping, b *Build) {
		finishBuild(r, m, b)
		if ref, ok := m.get("ref"); ok && !m.has("repository") {
			r.problems.add(ref.keyAt, "`ref` needs `repository`: of its own repository a tool runs one commit")
		}
	},
}

func finishBuild(_ *reader, _ *mapping, b *Build) {
	if b.Path == "." {
		b.Path = ""
	}
}

// BuildNames are the names of the builds whose image some process runs in, sorted.
func (m *Manifest) BuildNames() []string {
	used := map[string]bool{}
	for _, p := range m.Processes() {
		used[p.Run.Build] = true
	}
	delete(used, "")
	return slices.Sorted(maps.Keys(used))
}

// checkBuildNames finds the processes that name a build which the file does not have.
func checkBuildNames(r *reader, f *file) {
	for _, p := range f.Processes() {
		at, written := r.positions[p.Path+".build"]
		if _, known := f.Builds[p.Run.Build]; known || !written || p.Run.Build == "" {
			continue
		}
		names := slices.Sorted(maps.Keys(f.Builds))
		r.problems.add(at, "there is no build %q under `builds`%s", shorten(p.Run.Build), suggestName(p.Run.Build, names))
	}
}

// suggestName says which of the names was meant, or which there are.
func suggestName(name string, names []string) string {
	keys := make([]Key, len(names))
	for i, n := range names {
		keys[i].Name = n
	}
	if near, ok := nearest(name, keys); ok {
		return ": did you mean `" + shorten(near.Name) + "`?"
	}
	return ": there is only " + listNames(names)
}

// listNames names the first few.
func listNames(names []string) string {
	const most = 8
	var listed []string
	for _, n := range names[:min(len(names), most)] {
		listed = append(listed, "`"+shorten(n)+"`")
	}
	if len(names) > most {
		listed = append(listed, "…")
	}
	return strings.Join(listed, ", ")
}

var repositoryURL = text{what: "the URL of a git repository, such as `https://gitlab.example/tool.git`", max: maxURL,
	pattern: regexp.MustCompile(`^https?://[^\s?#]+$`),
	check: func(s string) string {
		u, err := url.Parse(s)
		switch {
		case strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' }):
			return "must not hold spaces"
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return "must be a URL that begins with `https://`, such as `https://gitlab.example/tool.git`" + sshHint(s)
		case u.User != nil:
			return "must not hold a name or password: everybody can read this file"
		case u.RawQuery != "" || u.Fragment != "":
			return "must not have a `?` or `#`: name a branch, tag or commit under `ref`"
		}
		return ""
	}}

var sshURL = regexp.MustCompile(`^(?:ssh://)?git@([a-z0-9.-]+)[:/]([A-Za-z0-9._/-]+)$`)

// sshHint knows the addresses for those who push.
func sshHint(s string) string {
	if parts := sshURL.FindStringSubmatch(s); parts != nil {
		return ": write `https://" + shorten(parts[1]+"/"+parts[2]) + "`"
	}
	return ""
}

var refName = text{what: "a branch, a tag or a full commit id, such as `refs/tags/v1.2.0`", max: maxRef,
	check: func(s string) string {
		if strings.ContainsAny(s, " \n\t~^:?*[\\") || strings.Contains(s, "..") || strings.HasPrefix(s, "-") {
			return fmt.Sprintf("must be a branch, a tag or a full commit id: such a name has no spaces, no `..` and none of "+
				"`~^:?*[\\`; found %q", shorten(s))
		}
		return ""
	}}

var ignorePattern = text{what: "a pattern such as `docs/**` or `*.md`", max: maxPattern, check: func(s string) string {
	switch {
	case strings.HasPrefix(s, "!"):
		return "must not begin with `!`: what is not ignored need not be named"
	case strings.ContainsAny(s, "\n\t"):
		return "must be one pattern; write each as an entry of its own"
	}
	return ""
}}

var sourcePath = text{what: "a directory of the repository, such as `app`", max: maxPath, pattern: regexp.MustCompile(`^[^/]`), check: func(s string) string {
	switch clean := path.Clean(s); {
	case strings.HasPrefix(s, "/"):
		return "must be a directory of the repository: leave out the `/` at the beginning"
	case strings.ContainsAny(s, "\\\n\t"):
		return "must be a directory of the repository, with `/` between its parts"
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "must stay within the repository: `..` leads out of it"
	case clean != strings.TrimSuffix(s, "/"):
		return "must be written without needless parts: `" + shorten(clean) + "`"
	}
	return ""
}}
