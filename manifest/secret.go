package manifest

import (
	"regexp"
	"strings"
)

var secretName = text{
	what: "the name of a Secret that the platform keeps for the tool, such as `toolsdb`", max: 253,
	check: matching(regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`), "lower-case letters, digits, `.` and `-`"),
}

var secretKey = text{
	what: "a key of the Secret, such as `password`", max: 253,
	check: matching(regexp.MustCompile(`^[A-Za-z0-9._-]+$`), "letters, digits, `.`, `_` and `-`"),
}

const ageBegin = "-----BEGIN AGE ENCRYPTED FILE-----"

var ageText = text{
	what: "what `age -a -r <the tool's public key>` prints, from `" + ageBegin + "` on", max: maxAge,
	check: func(s string) string {
		switch s = strings.TrimSpace(s); {
		case strings.HasPrefix(s, "age-encryption.org/"):
			return "must be written in age's text form: encrypt with `age -a`"
		case !strings.HasPrefix(s, ageBegin):
			return "must be what `age -a -r <the tool's public key>` prints, from `" + ageBegin + "` on; never the value itself"
		case !strings.HasSuffix(s, "-----END AGE ENCRYPTED FILE-----"):
			return "is cut off: its last line must be `-----END AGE ENCRYPTED FILE-----`"
		}
		return ""
	},
}

var secretSection = section[Secret]{
	place: "an entry of `secrets`",
	fields: []field[Secret]{
		in("age", ageText, func(s *Secret) *string { return &s.Age },
			"The value, encrypted to the tool's own public key, which its page shows."),
		in("from", secretName, func(s *Secret) *string { return &s.From },
			"The Secret that the platform keeps for the tool and that holds the value."),
		in("key", secretKey, func(s *Secret) *string { return &s.Key },
			"The key in the Secret; left out, it is the name of the variable."),
	},
	finish: func(r *reader, m *mapping, s *Secret) {
		switch {
		case m.has("age") && m.has("from"):
			r.problems.add(m.at, "`age` and `from` exclude each other: keep one")
		case !m.has("age") && !m.has("from"):
			r.problems.add(m.at, "`%s` needs `age` (the encrypted value) or `from` (the name of a Secret of the platform)", shorten(m.name))
		}
		if key, ok := m.get("key"); ok && m.has("age") {
			r.problems.add(key.keyAt, "`key` is for `from`")
		} else if !ok && s.From != "" {
			s.Key = m.name
		}
	},
}

var secrets = named[Secret]{of: secretSection, what: "environment variables", name: secretVariable, max: maxSecrets}

var secretVariable = text{what: "the name of an environment variable", max: 128, check: func(s string) string {
	return variables{portIsSet: true}.wrongName(s)
}}

// clash finds the variables that are set both in the clear and as a secret, at one place of the file.
func clash(r *reader, m *mapping, env map[string]string, secrets map[string]Secret) {
	list, _ := m.get("secrets")
	for name := range secrets {
		if _, twice := env[name]; twice {
			r.problems.add(r.positions[list.path+"."+name], "`%s` is under `env` and under `secrets`: keep one", shorten(name))
		}
	}
}
