package manifest

// source is the `build` of a component.
type source struct {
	m                          *mapping
	repository, ref, reuseFrom string
	latest, deprecated         bool
	env                        map[string]string
}

var sourceSection = section[source]{
	place: "`build`",
	fields: []field[source]{
		in("repository", text{what: repositoryURL.what, max: maxURL}, func(s *source) *string { return &s.repository }, ""),
		in("ref", refName, func(s *source) *string { return &s.ref }, ""),
		in("reuse_from", text{what: "the name of another component", max: maxJobName}, func(s *source) *string { return &s.reuseFrom }, ""),
		in("use_latest_versions", boolean{}, func(s *source) *bool { return &s.latest }, ""),
		in("use_deprecated_versions", boolean{}, func(s *source) *bool { return &s.deprecated }, ""),
		in("envvars", variables{}, func(s *source) *map[string]string { return &s.env }, ""),
	},
	finish: finishSource,
}

func finishSource(r *reader, m *mapping, s *source) {
	s.m = m
	if m.has("reuse_from") {
		misfits(r, m, []string{"repository", "ref", "use_latest_versions", "use_deprecated_versions", "envvars"},
			"`%s` and `reuse_from` exclude each other: the image is that of another component")
		return
	}
	needs(r, m, "repository", "the URL of the git repository")
	needs(r, m, "ref", "the branch, tag or commit of `repository`, such as `main`")
	for flag, set := range map[string]bool{"use_latest_versions": s.latest, "use_deprecated_versions": s.deprecated} {
		if v, _ := m.get(flag); set {
			r.notes.add(v.keyAt, "`%s` is left out: the versions are those of the platform's default builder", flag)
		}
	}
}

func needs(r *reader, m *mapping, key, what string) {
	if !m.has(key) {
		r.problems.add(m.at, "`%s` needs `%s`: %s", shorten(m.name), key, what)
	}
}
