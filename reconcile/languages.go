package reconcile

import (
	"slices"
	"strings"

	"github.com/fluxcd/pkg/runtime/conditions"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build/detection"
)

// catalogue is what a builder offers to the tools of a quota class.
func catalogue(builder *api.Builder, class string) detection.Catalogue {
	offered := detection.Catalogue{Builder: builder.Name, Before: builder.Spec.Before, After: builder.Spec.Always}
	for _, language := range builder.Spec.Languages {
		if language.QuotaClasses == nil || slices.Contains(language.QuotaClasses, class) {
			offered.Languages = append(offered.Languages, detection.Language{Name: language.Name, Buildpacks: language.Buildpacks})
		}
	}
	for _, buildpack := range builder.Status.Buildpacks {
		offered.Known = append(offered.Known, detection.Buildpack{ID: buildpack.ID, Version: buildpack.Version})
	}
	return offered
}

// order is the detection order for a stack, or where it is empty for what the builder detects; empty for the builder image's own.
func order(builder *api.Builder, class string, stack []string) (order, problem string) {
	offered := catalogue(builder, class)
	var err error
	if len(stack) == 0 {
		order, err = offered.Detected()
	} else {
		order, err = offered.Named(stack)
	}
	switch {
	case err == nil:
		return order, ""
	case slices.ContainsFunc(builder.Spec.Languages, func(l api.Language) bool {
		return slices.Contains(stack, l.Name) && l.QuotaClasses != nil && !slices.Contains(l.QuotaClasses, class)
	}):
		return "", err.Error() + " for this tool; ask the administrators to allow others"
	default:
		return "", err.Error()
	}
}

// deprecations are what the builders of a pass say of their end.
type deprecations []string

func (d *deprecations) add(builder *api.Builder) {
	if text := deprecation(builder); text != "" && !slices.Contains(*d, text) {
		*d = append(*d, text)
	}
}

// tell has the tool's condition say what was added.
func (d deprecations) tell(tool *api.Tool) {
	if len(d) == 0 {
		conditions.Delete(tool, api.BuilderDeprecated)
		return
	}
	conditions.MarkTrue(tool, api.BuilderDeprecated, api.ReasonBuilderDeprecated, "%s", strings.Join(d, "; "))
}

// deprecation says that a builder will go, when, and what to use instead; empty when it stays.
func deprecation(builder *api.Builder) string {
	end := builder.Spec.Deprecated
	if end == nil {
		return ""
	}
	text := "builder " + builder.Name + " is deprecated"
	if end.Since != "" {
		text += " since " + end.Since
	}
	if end.Until != "" {
		text += ", and is there until " + end.Until
	}
	if end.UseInstead != "" {
		text += ": write `builder: " + end.UseInstead + "` under `build`"
	}
	if end.Message != "" {
		text += ". " + end.Message
	}
	return text
}
