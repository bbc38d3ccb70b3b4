package main

import (
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/status"
)

// validate says what is wrong with a toolforge.yaml, or how one in an older format is read. Whose it is, is not known, so no
// repository that it names is the tool's own.
func validate(file []byte) ([]status.Problem, *status.Conversion) {
	declared, found := manifest.Parse(file, manifest.Origin{})
	var problems []status.Problem
	for _, p := range found {
		problems = append(problems, problem(p))
	}
	if declared == nil || declared.Format == manifest.FormatV1 {
		return problems, nil
	}
	conversion := &status.Conversion{Format: declared.Format, V1: declared.V1}
	for _, note := range declared.Notes {
		conversion.Notes = append(conversion.Notes, problem(manifest.Problem(note)))
	}
	return problems, conversion
}

func problem(p manifest.Problem) status.Problem {
	return status.Problem{Line: p.Line, Column: p.Column, Message: p.Message, Section: p.Section}
}
