package redact

import "bytes"

// rule says what a token looks like after the text that it begins with.
type rule struct {
	// begins lists the texts that it begins with.
	begins []string
	// apart tells that no letter, digit, hyphen or underscore is before it.
	apart bool
	// after tells that only what follows the beginning is masked.
	after bool
	// next looks at one byte more.
	next func(t *token, b byte) verdict
}

// verdict is what is known of a token after a byte of it.
type verdict uint8

const (
	// undecided: more must be seen.
	undecided verdict = iota
	// missed: it is none.
	missed
	// masked: it is one, up to and with this byte, and may go on.
	masked
	// ended: it is one, up to the place in token.end.
	ended
)

// token is what looks like a token and is still being read.
type token struct {
	*rule
	// begins is where its mask would begin, at the next place to look at.
	begins, at int
	// n counts the bytes seen, or those of one part; stage is the rule's own.
	n, stage int
	// end is where the mask would end, when that is not yet where it is read.
	end int
	// open tells that it is a token, which goes on.
	open  bool
	label []byte
}

const (
	// longestUser is that of a user name and password in a URL, longestHeader of a JWT, longestKey of a private key; in bytes.
	longestUser   = 1 << 10
	longestHeader = 1 << 10
	longestKey    = 32 << 10
)

// rules are those of all tokens.
func rules() []*rule {
	return []*rule{
		{apart: true, begins: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, next: run(isAlphanumeric, 30)},
		{apart: true, begins: []string{"github_pat_"}, next: run(isWord, 30)},
		{
			apart:  true,
			begins: []string{"glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glsoat-", "glimt-", "glagent-", "gloas-", "glffct-"},
			next:   run(isToken, 18),
		},
		{apart: true, begins: []string{"AKIA", "ASIA"}, next: run(isUpper, 16)},
		{apart: true, begins: []string{"xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"}, next: run(isToken, 10)},
		{apart: true, begins: []string{"npm_"}, next: run(isAlphanumeric, 30)},
		{apart: true, begins: []string{"pypi-"}, next: run(isToken, 40)},
		{apart: true, begins: []string{"eyJ"}, next: jwt},
		{apart: true, after: true, begins: []string{"Bearer", "bearer", "BEARER", "Basic", "basic"}, next: credentials},
		{begins: []string{"-----BEGIN"}, next: privateKey},
		{after: true, begins: []string{"://"}, next: userInfo},
	}
}

func tokenPatterns() []pattern {
	var patterns []pattern
	for _, r := range rules() {
		for _, begins := range r.begins {
			patterns = append(patterns, pattern{[]byte(begins), r})
		}
	}
	return patterns
}

// suspect begins to read what may be a token, whose beginning begins at a place and has just been read.
func (m *matcher) suspect(r *rule, begins int) {
	before := m.last
	if begins > m.base {
		before = m.buf[begins-1-m.base]
	}
	if r.apart && isToken(before) {
		return
	}
	t := token{rule: r, begins: begins, at: m.at, end: -1}
	if r.after {
		t.begins = m.at
		if m.buf[m.at-1-m.base] != '/' && r.begins[0] == "://" {
			t.rule = encodedURL
		}
	}
	if m.more(&t, false) {
		m.tokens = append(m.tokens, t)
	}
}

// goOn reads the tokens further.
func (m *matcher) goOn(final bool) {
	kept := m.tokens[:0]
	for i := range m.tokens {
		if m.more(&m.tokens[i], final) {
			kept = append(kept, m.tokens[i])
		}
	}
	m.tokens = kept
}

// more reads a token as far as there is text, and tells whether it must go on.
func (m *matcher) more(t *token, final bool) bool {
	for ; t.at < m.base+len(m.buf); t.at++ {
		t.n++
		switch t.next(t, m.buf[t.at-m.base]) {
		case missed:
			return false
		case ended:
			if t.end > t.begins {
				m.mask(span{t.begins, t.end})
			}
			return false
		case masked:
			m.mask(span{t.begins, t.at + 1})
			t.open, t.begins = true, t.at
		}
	}
	if final && t.end > t.begins {
		m.mask(span{t.begins, t.end})
	}
	return !final
}

// run is a token of at least so many bytes of a kind.
func run(kind func(byte) bool, least int) func(*token, byte) verdict {
	return func(t *token, b byte) verdict {
		switch {
		case !kind(b):
			return missed
		case t.n >= least:
			return masked
		}
		return undecided
	}
}

// jwt is a JSON Web Token: header, a dot, and more.
func jwt(t *token, b byte) verdict {
	switch {
	case t.stage == 0 && b == '.' && t.n > 10:
		t.stage, t.n = 1, 0
	case t.stage == 0 && (!isToken(b) || t.n > longestHeader):
		return missed
	case t.stage == 1 && !isToken(b) && b != '.':
		return missed
	case t.stage == 1 && t.n >= 10:
		return masked
	}
	return undecided
}

// credentials are those of HTTP's Authorization: white space, and a token68.
func credentials(t *token, b byte) verdict {
	switch {
	case t.stage == 0 && isSpace(b) && b != '\n' && t.n <= 8:
		t.begins = t.at + 1
	case t.stage == 0 && t.n == 1, !isToken(b) && b != '.' && b != '~' && b != '+' && b != '/' && b != '=':
		return missed
	case t.stage == 0:
		t.stage, t.n = 1, 1
	case t.n >= 12:
		return masked
	}
	return undecided
}

// privateKey is one in PEM: its label, and all until the line that ends it, or something that cannot be part of it.
func privateKey(t *token, b byte) verdict {
	if t.stage == 0 {
		switch {
		case b == '-' && bytes.Contains(t.label, []byte("PRIVATE KEY")):
			t.stage, t.n, t.label = 1, 0, nil
			return masked
		case !isUpper(b) && b != ' ' || t.n > 64:
			return missed
		}
		t.label = append(t.label, b)
		return undecided
	}
	if !isAlphanumeric(b) && !isSpace(b) && !bytes.ContainsRune([]byte(`+/=:,.\-`), rune(b)) || t.n > longestKey {
		return missed
	}
	// Three more runs of hyphens: the end of this line, and both of the last line.
	if b == '-' {
		t.stage += 1 - t.stage%2
	} else {
		t.stage += t.stage % 2
	}
	if t.stage >= 6 {
		return missed
	}
	return masked
}

// userInfo is what is before the @ of a URL. A token is often the name alone.
func userInfo(t *token, b byte) verdict {
	switch {
	case b == '@':
		t.end = t.at
	case isSpace(b) || bytes.IndexByte([]byte(`/?#"'<>\`+"`"), b) >= 0 || t.n > longestUser:
		return ended
	}
	return undecided
}

// encodedURL is userInfo in a URL that is a part of another one.
var encodedURL = &rule{after: true, next: func(t *token, b byte) verdict {
	t.label = append(t.label, b)
	last := t.label[max(0, len(t.label)-3):]
	switch {
	case string(last) == "%40":
		t.end = t.at - 2
	case b == '@':
		t.end = t.at
	case bytes.EqualFold(last, []byte("%2F")), isSpace(b), bytes.IndexByte([]byte(`/?#"'<>\&`+"`"), b) >= 0, t.n > longestUser:
		return ended
	}
	return undecided
}}

func isUpper(b byte) bool { return '0' <= b && b <= '9' || 'A' <= b && b <= 'Z' }
func isWord(b byte) bool  { return isAlphanumeric(b) || b == '_' }
func isToken(b byte) bool { return isWord(b) || b == '-' }
