package status

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	validatePath = "/api/v1/validate"
	// MaxValidated is the size of the largest file that is checked, in bytes: that of the largest toolforge.yaml.
	MaxValidated = 256 << 10
	// maxValidating is how many files are checked at once. Each takes a moment and some memory, and whoever posts many is
	// not to slow down those who read.
	maxValidating = 4
)

// checker checks files that people post, for a repository's own CI. It changes nothing.
type checker struct {
	api
	validate func([]byte) ([]Problem, *Conversion)
	refer    references
	// places has one for each file that may be checked at the moment.
	places chan struct{}
}

func newChecker(a api, validate func([]byte) ([]Problem, *Conversion), refer references) checker {
	return checker{api: a, validate: validate, refer: refer, places: make(chan struct{}, maxValidating)}
}

// serve answers 200 when the file is valid and 422 when it is not, with the problems in either case: as JSON, or one on a
// line where the client asks for plain text. The server's timeout for reading bounds how long a body may take.
func (c checker) serve(w http.ResponseWriter, r *http.Request) {
	file, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxValidated))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.refuse(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("the file is larger than %d KiB", MaxValidated>>10))
		return
	case err != nil:
		c.refuse(w, r, http.StatusBadRequest, "the file did not arrive whole")
		return
	}
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-r.Context().Done():
		return
	}
	problems, conversion := c.validate(file)
	v := Validation{Valid: len(problems) == 0, Problems: c.shown(problems)}
	if conversion != nil {
		v.Conversion = &Conversion{Format: conversion.Format, Notes: c.shown(conversion.Notes), V1: plain(conversion.V1)}
	}
	c.tell(w, r, v)
}

// shown makes problems fit to be shown, with their links.
func (c checker) shown(problems []Problem) []Problem {
	shown := collect(problems, func(p Problem) Problem {
		p.Message = message(p.Message)
		return p
	})
	c.refer.link(shown)
	return shown
}

func (c checker) tell(w http.ResponseWriter, r *http.Request, v Validation) {
	code := http.StatusOK
	if !v.Valid {
		code = http.StatusUnprocessableEntity
	}
	if !wantsText(r) {
		c.answer(w, code, v)
		return
	}
	var lines strings.Builder
	add := func(p Problem, what string) {
		fmt.Fprintf(&lines, "toolforge.yaml:%d:%d: %s%s\n", p.Line, p.Column, what, strings.ReplaceAll(p.Message, "\n", " "))
	}
	for _, p := range v.Problems {
		add(p, "")
	}
	if v.Conversion != nil {
		for _, n := range v.Conversion.Notes {
			add(n, "note: ")
		}
	}
	if v.Valid {
		lines.WriteString("toolforge.yaml is valid\n")
	}
	writeText(w, code, lines.String())
}

func (c checker) refuse(w http.ResponseWriter, r *http.Request, code int, why string) {
	if wantsText(r) {
		writeText(w, code, "toolforge.yaml: "+why+"\n")
		return
	}
	c.answer(w, code, Error{why})
}

func (c checker) serveOther(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	c.refuse(w, r, http.StatusMethodNotAllowed, "post the file: curl --data-binary @toolforge.yaml …"+validatePath)
}

// wantsText tells of a client that asks for plain text, as a shell script does that prints the answer.
func wantsText(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "text/plain") && !strings.Contains(accept, "application/json")
}
