package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

// manifest says whether the revision's toolforge.yaml can be put into effect.
func (t *Tools) manifest(_ context.Context, p *pass) result {
	if p.revision.Missing {
		p.tool.Status.Problems = nil
		return stall(api.ReasonManifestMissing, fmt.Sprintf(
			"commit %.7s has no %s at its root: nothing is changed until a commit has one", p.commit, manifestFile))
	}
	p.tool.Status.Problems = nil
	if len(p.revision.Problems) > 0 {
		return mistaken(p, p.revision.Problems)
	}
	return valid(p)
}

func valid(p *pass) result {
	return ok(fmt.Sprintf("%s of commit %.7s is valid", manifestFile, p.commit))
}

// mistaken stops at mistakes of the maintainers', found in the file or later.
func mistaken(p *pass, problems manifest.Problems) result {
	return stopped(p, api.ReasonManifestInvalid, problems)
}

// stopped tells problems of the file for a reason.
func stopped(p *pass, reason string, problems manifest.Problems) result {
	p.tool.Status.Problems = told(problems)
	return stall(reason, fmt.Sprintf("commit %.7s: %s: %s", p.commit, manifestFile, problems.Error()))
}

func told(problems manifest.Problems) []api.Problem {
	list := make([]api.Problem, 0, len(problems))
	for _, problem := range problems {
		list = append(list, api.Problem{Line: problem.Line, Column: problem.Column, Message: problem.Message})
	}
	return list
}

// hasProcesses tells whether there is anything to run, and so anything to build.
func hasProcesses(m *manifest.Manifest) bool { return m.Webservice != nil || len(m.Jobs) > 0 }

// missingProcesses finds the process types that the manifest names and the image does not have.
func missingProcesses(m *manifest.Manifest, offered []string) manifest.Problems {
	var problems manifest.Problems
	check := func(path, process string) {
		if process == "" || slices.Contains(offered, process) {
			return
		}
		problems = append(problems, m.Problem(path, fmt.Sprintf("the image has no process type %q; %s", process, offer(offered))))
	}
	if m.Webservice != nil {
		check(render.WebserviceName+".process", m.Webservice.Process)
	}
	for i, job := range m.Jobs {
		check(fmt.Sprintf("jobs[%d].process", i), job.Process)
	}
	return problems
}

func offer(offered []string) string {
	if len(offered) == 0 {
		return "it has none: add a Procfile, or write `command:` instead of `process:`"
	}
	return "it has: " + strings.Join(offered, ", ")
}
