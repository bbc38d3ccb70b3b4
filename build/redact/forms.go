package redact

import (
	"encoding/base64"
	"html"
	"slices"
	"strings"
)

const (
	// minLine is the length of the shortest line of a secret of several lines that is looked for by itself.
	minLine = 8
	// maxPiece is the length of what is looked for at once: a longer form is looked for in pieces, each by itself, so that
	// little needs to be held while it may be going by.
	maxPiece = 64
)

// forms are the texts to look for when a value is secret. Escapes (\n, \u0041, %41) are undone while text is read and white
// space is passed over, so those of JSON and of URLs are not among them.
func forms(secret string) []string {
	var found []string
	seen := make(map[string]bool)
	add := func(form string) {
		form = squeeze(form)
		if len(form) < MinSecret {
			return
		}
		for _, piece := range split(form) {
			if !seen[piece] {
				seen[piece] = true
				found = append(found, piece)
			}
		}
	}
	add(secret)
	if len(squeeze(secret)) < MinSecret {
		return nil
	}
	add(strings.ReplaceAll(secret, " ", "+")) // in the query of a URL
	add(html.EscapeString(secret))
	for _, value := range []string{secret, strings.TrimRight(secret, "\r\n")} {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				add(inside(encoding, value, before))
			}
		}
	}
	if lines := strings.Split(secret, "\n"); len(lines) > 1 {
		for _, line := range lines {
			if line = squeeze(line); len(line) >= minLine {
				add(line)
			}
		}
	}
	return found
}

// inside is what a value is in base64 with so many bytes of something else before it, and anything after it: without the
// characters that hold bits of both.
func inside(encoding *base64.Encoding, value string, before int) string {
	encoded := encoding.EncodeToString(append(make([]byte, before), value...))
	first := (before*8 + 5) / 6
	last := (before + len(value)) * 8 / 6
	return encoded[min(first, last):last]
}

// split cuts a text into pieces of nearly the same length, none longer than maxPiece.
func split(text string) []string {
	n := (len(text) + maxPiece - 1) / maxPiece
	var cut []string
	for i := range n {
		cut = append(cut, text[len(text)*i/n:len(text)*(i+1)/n])
	}
	return cut
}

// squeeze takes the white space and the control sequences out: a secret may be broken into lines anywhere, and coloured.
func squeeze(text string) string {
	var strip stripper
	clean := strip.append(nil, []byte(text))
	return string(slices.DeleteFunc(strip.end(clean), isSpace))
}

// isSpace tells what is passed over between the characters of a secret.
func isSpace(b byte) bool { return b <= ' ' || b == 0x7f }
