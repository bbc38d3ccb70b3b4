package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/toolforge/toolforged/build/redact"
)

const secret = `s3cr€t/"pass+word" <&%41\end`

// lines is a secret of several lines.
const lines = `MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49
AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q
EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==
`

const key = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49
AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q
EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==
-----END EC PRIVATE KEY-----
`

func newSet(t testing.TB, secrets ...string) *redact.Set {
	t.Helper()
	set, err := redact.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// written are the ways in which programs write a value.
func written(value string) map[string]string {
	ways := map[string]string{
		"plain":         value,
		"query":         url.QueryEscape(value),
		"path":          url.PathEscape(value),
		"all percent":   each(value, "%%%02X"),
		"all % lower":   each(value, "%%%02x"),
		"bytes":         each(value, `\x%02x`),
		"octal":         each(value, `\%03o`),
		"coloured":      coloured(value),
		"wrapped":       wrapped(value, 7, "\n"),
		"wrapped, CRLF": wrapped(value, 5, "\r\n    "),
		"shell":         fmt.Sprintf("%q", value),
		"user":          "https://user:" + url.QueryEscape(value) + "@host/",
	}
	encoded, _ := json.Marshal(value)
	ways["JSON"] = string(encoded)
	ways["JSON, slashes"] = strings.ReplaceAll(string(encoded), "/", `\/`)
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
	ways["JSON without HTML"] = plain.String()
	var unicode strings.Builder
	for _, unit := range utf16.Encode([]rune(value)) {
		fmt.Fprintf(&unicode, `\u%04x`, unit)
	}
	ways["unicode"] = unicode.String()
	ways["unicode, upper"] = strings.ReplaceAll(strings.ToUpper(unicode.String()), `\U`, `\u`)
	for before := range 3 {
		padded := strings.Repeat("x", before) + value + "yz"
		ways[fmt.Sprint("base64 ", before)] = base64.StdEncoding.EncodeToString([]byte(padded))
		ways[fmt.Sprint("base64 URL ", before)] = base64.URLEncoding.EncodeToString([]byte(padded))
		ways[fmt.Sprint("base64 in lines ", before)] = wrapped(base64.StdEncoding.EncodeToString([]byte(padded)), 16, "\n")
		ways[fmt.Sprint("base64 in a URL ", before)] = url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(padded)))
	}
	return ways
}

func each(value, format string) string {
	var b strings.Builder
	for i := range len(value) {
		fmt.Fprintf(&b, format, value[i])
	}
	return b.String()
}

func coloured(value string) string {
	var b strings.Builder
	for _, r := range value {
		fmt.Fprintf(&b, "\x1b[1;%dm%c\x1b[0m\x1b]8;;x\x07", 31+r%6, r)
	}
	return b.String()
}

func wrapped(value string, width int, end string) string {
	var b strings.Builder
	for len(value) > width {
		b.WriteString(value[:width] + end)
		value = value[width:]
	}
	return b.String() + value
}

// left tells whether the middle of a value is still in a text, in the form in which it was written.
func left(text, way, form, value string) bool {
	switch way {
	case "coloured":
		form = value
	case "user":
		form = url.QueryEscape(value)
	}
	visible := strings.NewReplacer("\n", "", " ", "", "\r", "")
	text, form = visible.Replace(text), visible.Replace(form)
	return strings.Contains(text, form[len(form)/4:len(form)*3/4])
}

func TestForms(t *testing.T) {
	for _, value := range []string{secret, "hunter2-hunter3", "äöü-ß-𝔘nicode", lines, "with spaces in it"} {
		set := newSet(t, value, "another secret")
		for way, form := range written(value) {
			for _, around := range [][2]string{{"", ""}, {"password=", "\n"}, {"\\", "\\"}, {"%", "%"}, {"a b\nc ", " d"}, {"%4", "0"}, {`\u00`, "1"}} {
				got := set.String(around[0] + form + around[1])
				if !strings.Contains(got, redact.Mask) || left(got, way, form, value) {
					t.Fatalf("%.20q, %s, after %q: %q becomes %q", value, way, around[0], form, got)
				}
			}
		}
	}
}

func TestText(t *testing.T) {
	set := newSet(t, "hunter2hunter2")
	for _, test := range []struct{ text, want string }{
		{"nothing to see here\n", "nothing to see here\n"},
		{"password hunter2hunter2.", "password ***."},
		{"hunter2hunter2hunter2hunter2", "***"},
		{"hunter2hunter2 hunter2hunter2", "***"},
		{"hunter2hunterhunter2hunter2", "hunter2hunter***"},
		{"hunter2hunter2, hunter2hunter2", "***, ***"},
		{"hunter2hunter", "hunter2hunter"},
		{"100% of C:\\dir \\", "100% of C:\\dir \\"},
		{"\x1b[32mgreen\x1b[0m and \x1b]0;title\x07\x1b(Bplain", "green and plain"},
		{"10%\r20%\r\n30%\n", "10%\n20%\n30%\n"},
		{"a\x00b\x08c\x7fd\u200be\u202ef\ufeffg\u009b31mh", "abcdefgh"},
		{"ünïcödé → €, \xe2\x82 \xff", "ünïcödé → €, \xe2\x82 \xff"},
	} {
		if got := set.String(test.text); got != test.want {
			t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
		}
	}
}

func TestTokens(t *testing.T) {
	set := newSet(t)
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	for _, test := range []struct{ text, want string }{
		{"token ghp_" + strings.Repeat("a1", 18) + ", yes", "token ***, yes"},
		{"gho_short ghp_" + strings.Repeat("a", 20), "gho_short ghp_" + strings.Repeat("a", 20)},
		{"github_pat_" + strings.Repeat("a_", 40), "***"},
		{`"glpat-0123456789abcdefghij"`, `"***"`},
		{"AKIAIOSFODNN7EXAMPLE AKIA xAKIAIOSFODNN7EXAMPLE", "*** AKIA xAKIAIOSFODNN7EXAMPLE"},
		{"xoxb-123456789012-abcdef", "***"},
		{"npm_config_cache=/tmp npm_" + strings.Repeat("Z", 36), "npm_config_cache=/tmp ***"},
		{"jwt=" + jwt + " ", "jwt=*** "},
		{"Authorization: Bearer abcdefghijklmnop\n", "Authorization: Bearer ***\n"},
		{"authorization: bearer   abcdefghijklmnop==", "authorization: bearer   ***"},
		{"Bearer of news; Basic usage\nBearer\nabcdefghijklmnop", "Bearer of news; Basic usage\nBearer\nabcdefghijklmnop"},
		{key, "***\n"},
		{strings.ReplaceAll(key, "\n", `\n`), `***\n`},
		{"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----"},
		{"git clone https://user:pa55@example.org/x.git", "git clone https://***@example.org/x.git"},
		{"https://token@example.org", "https://***@example.org"},
		{"https://user:p@ss@example.org:80/?a@b", "https://***@example.org:80/?a@b"},
		{`{"url":"https:\/\/user:pa55@example.org"}`, `{"url":"https:\/\/***@example.org"}`},
		{"to=https%3A%2F%2Fuser%3Apa55%40example.org%2F", "to=https%3A%2F%2F***%40example.org%2F"},
		{"https://example.org/@scope/package https://example.org", "https://example.org/@scope/package https://example.org"},
		{"https://user:pa55@", "https://***@"},
		{"see https://", "see https://"},
	} {
		if got := set.String(test.text); got != test.want {
			t.Errorf("%q becomes\n\t%q, want\n\t%q", test.text, got, test.want)
		}
	}
}

// What is let through must not wait for more than what may be a secret: somebody follows it.
func TestAtOnce(t *testing.T) {
	var out bytes.Buffer
	w := newSet(t, "correct-horse").Writer(&out)
	for _, step := range []struct{ write, want string }{
		{"first line\n", "first line\n"},
		{"second ", "second "},
		{"corr", ""},
		{"al\ncorrect-", "corral\n"},
		{"horse.\n", "***.\n"},
		{"://", "://"},
		{"user:pass", ""},
		{"@host\n", "***@host\n"},
	} {
		out.Reset()
		if _, err := w.Write([]byte(step.write)); err != nil {
			t.Fatal(err)
		}
		if out.String() != step.want {
			t.Errorf("after %q: %q, want %q", step.write, out.String(), step.want)
		}
	}
}

func TestChunks(t *testing.T) {
	set := newSet(t, secret, key, "hunter2hunter2")
	random := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for _, value := range []string{secret, key, lines, "hunter2hunter2"} {
		for _, form := range written(value) {
			text.WriteString(sampleLog(random.IntN(200)) + form)
		}
	}
	want := set.String(text.String())
	for range 30 {
		if got := inChunks(t, set, text.String(), random); got != want {
			t.Fatal("what comes out depends on the pieces that go in")
		}
	}
}

func inChunks(t *testing.T, set *redact.Set, text string, random *rand.Rand) string {
	t.Helper()
	var out bytes.Buffer
	w := set.Writer(&out)
	for len(text) > 0 {
		n := min(1+random.IntN(1+random.IntN(40)), len(text))
		if _, err := w.Write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBounds(t *testing.T) {
	if _, err := redact.New(strings.Repeat("x", redact.MaxSecrets), "y"); err == nil {
		t.Error("more than MaxSecrets is taken")
	}
	set := newSet(t, "a", "", "no", strings.Repeat("ab", 1000))
	if got := set.String("a man, no plan"); got != "a man, no plan" {
		t.Errorf("%q: short values are looked for", got)
	}
	// Whatever goes in, little is held: of 256 KiB all but 64 KiB must come out before the end.
	for name, piece := range map[string]string{
		"beginnings": strings.Repeat("ab", 31), "white space": "    \n", "escapes": `\\`, "percent": "%", "URL": "://aaaa", "key": "-----BEGIN PRIVATE KEY-----a",
		"bearer": "Bearer ", "sequence": "\x1b[0;", "JWT": "eyJaaaaaaaaa.", "unicode": `\ud83d`,
	} {
		var out bytes.Buffer
		w := set.Writer(&out)
		total := 0
		for total < 256<<10 {
			text := strings.Repeat(piece, 300)
			total += len(text)
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		before := out.Len()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if held := out.Len() - before; held > 64<<10 {
			t.Errorf("%s: %d bytes were held", name, held)
		}
	}
}
