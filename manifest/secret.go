package manifest

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

var secretName = text{
	what: "the name of a Secret that the platform keeps for the tool, such as `toolsdb`", max: 253, hidden: true,
	pattern: catalogName, form: "the name of a Secret: lower-case letters, digits, `.` and `-`",
}

var secretKey = text{
	what: "a key of the Secret, such as `password`", max: 253,
	pattern: regexp.MustCompile(`^[A-Za-z0-9._-]+$`), form: "the key of a Secret: letters, digits, `.`, `_` and `-`",
}

const (
	ageBegin = "-----BEGIN AGE ENCRYPTED FILE-----"
	ageEnd   = "-----END AGE ENCRYPTED FILE-----"
)

var ageText = text{
	what: "what `age -a -r <the tool's public key>` prints, from `" + ageBegin + "` on", max: maxAge, hidden: true,
	pattern: regexp.MustCompile(`^\s*` + ageBegin),
	check: func(s string) string {
		switch s = strings.TrimSpace(s); {
		case strings.HasPrefix(s, "age-encryption.org/"):
			return "must be written in age's text form: encrypt with `age -a`"
		case !strings.HasPrefix(s, ageBegin):
			return "must be what `age -a -r <the tool's public key>` prints, from `" + ageBegin + "` on; never the value itself"
		case !strings.HasSuffix(s, ageEnd):
			return "is cut off: its last line must be `" + ageEnd + "`"
		}
		return ""
	},
}

// oneSecret reads an entry of `secrets`. Whoever writes the value itself there must not find it again in a status that
// everybody reads.
type oneSecret struct{ section[Secret] }

func (k oneSecret) read(r *reader, v value) (Secret, bool) {
	if v.node.Kind == yaml.ScalarNode && !isNull(v.node) {
		r.problems.add(v.at, "%s must be `{age: …}` (the value, encrypted to the tool's public key) or `{from: NAME}` (a Secret of "+
			"the platform); if this is the value itself, change it: everybody can read this file", v.label())
		return Secret{}, false
	}
	return k.section.read(r, v)
}

var secretSection = section[Secret]{
	place: "an entry of `secrets`", filled: true,
	such: "{from: toolsdb}",
	fields: []field[Secret]{
		in("age", ageText, func(s *Secret) *string { return &s.Age },
			"The value, encrypted to the tool's own public key, which its page shows.").
			eg(ageBegin + "\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCg==\n" + ageEnd + "\n"),
		in("from", secretName, func(s *Secret) *string { return &s.From },
			"The Secret that the platform keeps for the tool and that holds the value.").eg("toolsdb"),
		in("key", secretKey, func(s *Secret) *string { return &s.Key },
			"The key in the Secret; left out, it is the name of the variable.").eg("password"),
	},
	rules: []object{exclusive("age", "from"), anyOf("age", "from"), exclusive("age", "key")},
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

var secrets = named[Secret]{
	of: oneSecret{secretSection}, what: "environment variables", such: "API_TOKEN: {from: tokens}", max: maxSecrets,
	wrongName: variables{portIsSet: true}.wrongName, names: variables{portIsSet: true}.names,
}

// clash finds the variables that are set both in the clear and as a secret, at one place of the file.
func clash(r *reader, m *mapping, env map[string]string, secrets map[string]Secret) {
	list, _ := m.get("secrets")
	for name := range secrets {
		if _, twice := env[name]; twice {
			r.problems.add(r.positions[list.path+"."+name], "`%s` is under `env` and under `secrets`: keep one", shorten(name))
		}
	}
}
