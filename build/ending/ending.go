// Package ending is what the containers of a build tell the daemon when they end: a small JSON document in the termination
// message (https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/). It knows neither pods
// nor how a build works.
//
// The container that runs a repository's code can be made to write anything: what it says is a hint. It is bounded here,
// and whoever reads it decides what to believe.
//
// The entry point is Parse.
package ending

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"
)

// File is where Kubernetes reads a container's termination message from.
const File = "/dev/termination-log"

// maxSize is what Kubernetes keeps of a termination message, in bytes.
const maxSize = 4096

// Bounds of what Parse returns.
const (
	maxPhases  = 8
	maxName    = 32
	maxMessage = 1024
	maxNotes   = 4
	maxTime    = 24 * time.Hour
)

// Bound is a limit that a build can run into.
type Bound string

// The bounds that a container notices by itself. Others (time, a whole container's memory) are told by Kubernetes.
const (
	Memory    Bound = "memory"
	Disk      Bound = "disk"
	ImageSize Bound = "image size"
)

func (b Bound) known() bool { return b == "" || b == Memory || b == Disk || b == ImageSize }

// Phase is how long one phase took.
type Phase struct {
	Name         string `json:"name"`
	Milliseconds int64  `json:"ms"`
}

// Ending is how a container ended.
type Ending struct {
	// Phases are those that were begun, in order. The last one failed, when the container did.
	Phases []Phase `json:"phases,omitempty"`
	// Bound is the limit that was hit; empty for none.
	Bound Bound `json:"bound,omitempty"`
	// Message says in a sentence what went wrong; empty when nothing did, or nothing is known.
	Message string `json:"message,omitempty"`
	// Notes say what a maintainer may want to know although the build goes on.
	Notes []string `json:"notes,omitempty"`
}

// Parse reads a termination message. What it returns is bounded and has no control characters: at most 8 phases with names
// of at most 32 bytes and at most 24 hours each, a message of at most 1 KiB, at most 4 notes of the same length.
func Parse(message string) (Ending, error) {
	if len(message) > maxSize {
		return Ending{}, fmt.Errorf("read a container's ending: it has %d bytes, more than %d", len(message), maxSize)
	}
	var e Ending
	if err := json.Unmarshal([]byte(message), &e); err != nil {
		return Ending{}, fmt.Errorf("read a container's ending: %w", err)
	}
	return e.bounded(), nil
}

// bounded is the ending within the bounds that Parse promises.
func (e Ending) bounded() Ending {
	e.Phases = e.Phases[:min(len(e.Phases), maxPhases)]
	for i := range e.Phases {
		e.Phases[i].Name = clean(e.Phases[i].Name, maxName)
		e.Phases[i].Milliseconds = min(max(e.Phases[i].Milliseconds, 0), maxTime.Milliseconds())
	}
	if !e.Bound.known() {
		e.Bound = ""
	}
	e.Message = clean(e.Message, maxMessage)
	e.Notes = e.Notes[:min(len(e.Notes), maxNotes)]
	for i := range e.Notes {
		e.Notes[i] = clean(e.Notes[i], maxMessage)
	}
	return e
}

// clean is a text in one line of at most so many bytes.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > most {
		const more = "…"
		text = strings.ToValidUTF8(text[:most-len(more)], "") + more
	}
	return text
}

// Write puts the ending into a file, such as File, so that Parse reads it: within its bounds, and notes are left out when
// it would be too long.
func (e Ending) Write(file string) error {
	if err := os.WriteFile(file, e.Encode(maxSize), 0o644); err != nil {
		return fmt.Errorf("write how the container ended: %w", err)
	}
	return nil
}

// Encode is the ending as Parse reads it: within its bounds, and of at most so many bytes, at least 2200. Notes are left out when
// it would be longer, and phases when that is not enough.
func (e Ending) Encode(most int) []byte {
	e = e.bounded()
	data := e.encode()
	for len(data) > most && len(e.Notes)+len(e.Phases) > 0 {
		if len(e.Notes) > 0 {
			e.Notes = e.Notes[:len(e.Notes)-1]
		} else {
			e.Phases = e.Phases[:len(e.Phases)-1]
		}
		data = e.encode()
	}
	return data
}

func (e Ending) encode() []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		panic(fmt.Sprintf("encode an ending: %v", err)) // strings and numbers only: cannot fail
	}
	return buffer.Bytes()
}
