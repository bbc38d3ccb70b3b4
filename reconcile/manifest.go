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
func (t *Tools) manifest(ctx context.Context, p *pass) result {
	if p.revision.Missing {
		p.tool.Status.Problems = nil
		return stall(api.ReasonManifestMissing, fmt.Sprintf(
			"commit %.7s has no %s at its root: nothing is changed until a commit has one", p.commit, manifestFile))
	}
	p.tool.Status.Problems = nil
	p.tool.Status.Conversion = conversion(p.revision.Manifest)
	if len(p.revision.Problems) > 0 {
		return mistaken(p, p.revision.Problems)
	}
	if problems := checkOwn(p.revision.Manifest, p.revision.Own, p.tool.TargetNamespace(), t.Config.Policy); len(problems) > 0 {
		return mistaken(p, problems)
	}
	if r := t.secrets(ctx, p); r.outcome != done {
		return r
	}
	return valid(p)
}

// conversion says how a file in an older format was read; nil for one in version v1.
func conversion(m *manifest.Manifest) *api.Conversion {
	if m == nil || m.Format == manifest.FormatV1 {
		return nil
	}
	notes := make([]api.Problem, 0, len(m.Notes))
	for _, note := range m.Notes {
		notes = append(notes, api.Problem(note))
	}
	return &api.Conversion{Format: m.Format, Notes: notes, V1: m.V1}
}

// offerProcesses writes in the text in version v1 which commands are process types of their images, as far as these are made.
func (p *pass) offerProcesses() {
	if p.tool.Status.Conversion == nil {
		return
	}
	p.tool.Status.Conversion.V1 = p.revision.Manifest.V1For(func(run manifest.Run) ([]string, bool) {
		image, made := p.images[render.ImageName(&run)]
		return image.Processes, made
	})
}

func valid(p *pass) result {
	return ok(fmt.Sprintf("%s of commit %.7s is valid", manifestFile, p.commit))
}

// mistaken stops at mistakes of the maintainers', found in the file or later. Those found by one step are told together.
func mistaken(p *pass, problems manifest.Problems) result {
	return stopped(p, api.ReasonManifestInvalid, problems)
}

// stopped tells problems of the file for a reason.
func stopped(p *pass, reason string, problems manifest.Problems) result {
	p.problems = append(p.problems, problems...).Sorted()
	p.tool.Status.Problems = told(p.problems)
	return stall(reason, fmt.Sprintf("commit %.7s: %s: %s", p.commit, manifestFile, p.problems.Error()))
}

func told(problems manifest.Problems) []api.Problem {
	list := make([]api.Problem, 0, len(problems))
	for _, problem := range problems {
		list = append(list, api.Problem(problem))
	}
	return list
}

// hasProcesses tells whether there is anything to run, and so anything to build.
func hasProcesses(m *manifest.Manifest) bool { return m.Webservice != nil || len(m.Jobs) > 0 }

// missingProcesses finds the process types that the manifest names and the images do not have, as far as these are made.
func missingProcesses(m *manifest.Manifest, images map[string]render.Image) manifest.Problems {
	var problems manifest.Problems
	for _, p := range m.Processes() {
		image, made := images[render.ImageName(p.Run)]
		if !made || p.Run.Process == "" || slices.Contains(image.Processes, p.Run.Process) {
			continue
		}
		problems = append(problems, m.Problem(p.Path+".process",
			fmt.Sprintf("the image has no process type %q; %s", p.Run.Process, offer(image.Processes))))
	}
	return problems
}

func offer(offered []string) string {
	if len(offered) == 0 {
		return "it has none: add a Procfile, or write `command:` instead of `process:`"
	}
	return "it has: " + strings.Join(offered, ", ")
}
