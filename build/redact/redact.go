// Package redact takes secrets out of text that flows by: the values that it is told, in every form in which programs
// print them, and what looks like a token, a private key or a URL with a password. It knows bytes; it does not know builds,
// pods or where its secrets come from.
//
// The entry point is New. What the result lets through is the same whatever pieces the text comes in.
package redact

import (
	"bytes"
	"fmt"
	"io"
)

// Mask stands where a secret was.
const Mask = "***"

const (
	// MinSecret is the length in bytes, without white space, of the shortest value that is looked for: to take a shorter one
	// out would tell it by what is missing.
	MinSecret = 4
	// MaxSecrets bounds the values that one Set looks for, all together, in bytes.
	MaxSecrets = 64 << 10
)

// Set knows secrets. It is not changed any more once it is made, and safe for concurrent use.
type Set struct{ automaton *automaton }

// New returns a Set that looks for these values beside what looks like a token. Values shorter than MinSecret are passed
// over. It fails for more than MaxSecrets bytes.
func New(secrets ...string) (*Set, error) {
	total := 0
	var patterns []pattern
	for _, secret := range secrets {
		if total += len(secret); total > MaxSecrets {
			return nil, fmt.Errorf("the secrets have more than %d bytes", MaxSecrets)
		}
		for _, form := range forms(secret) {
			patterns = append(patterns, pattern{text: []byte(form)})
		}
	}
	return &Set{compile(append(patterns, tokenPatterns()...))}, nil
}

// String is the text without secrets and without control sequences.
func (s *Set) String(text string) string {
	var out bytes.Buffer
	w := s.Writer(&out)
	_, _ = io.WriteString(w, text) // neither fails: a Buffer takes everything
	_ = w.Close()
	return out.String()
}

// Writer returns a writer that hands on to w what is written to it without secrets and without control sequences: at once
// but for what may be the beginning of a secret. Close hands the rest on; it does not close w. It holds less than 64 KiB
// beside what one Write brings. It is not safe for concurrent use.
func (s *Set) Writer(w io.Writer) io.WriteCloser {
	return &writer{to: w, match: newMatcher(s.automaton)}
}

// writer strips control sequences, since they may hide a secret, and then matches.
type writer struct {
	to    io.Writer
	strip stripper
	match *matcher
	clean []byte
	out   []byte
}

// pieces bound the memory of one step, in bytes.
const pieces = 32 << 10

// Write takes all of p, unless the writer behind it fails.
func (w *writer) Write(p []byte) (int, error) {
	for written := 0; written < len(p); {
		piece := p[written:min(len(p), written+pieces)]
		w.clean = w.strip.append(w.clean[:0], piece)
		if err := w.pass(w.clean, false); err != nil {
			return written, err
		}
		written += len(piece)
	}
	return len(p), nil
}

// Close hands on what was held.
func (w *writer) Close() error {
	return w.pass(w.strip.end(w.clean[:0]), true)
}

func (w *writer) pass(clean []byte, final bool) error {
	w.out = w.match.append(w.out[:0], clean, final)
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.to.Write(w.out)
	return err
}
