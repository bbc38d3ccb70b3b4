package directory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// sorted is a listing of files, sorted by path. Of two files for one tool, neither is believed.
func sorted(files []*File) Listing {
	slices.SortFunc(files, func(a, b *File) int { return cmp.Compare(a.Path, b.Path) })
	by := make(map[string]*File, len(files))
	for i, file := range files {
		first := by[file.Tool]
		if file.Tool == "" || first == nil {
			by[file.Tool] = file
			continue
		}
		twice := *file
		twice.Spec = ""
		twice.Problems = append(slices.Clone(file.Problems), api.FileProblem{File: file.Path, Message: "the tool has another file: " + first.Path})
		files[i] = &twice
	}
	return Listing{Files: files}
}

// Bounds say how many Tools may go at once.
type Bounds struct {
	// Percent is the share of the directory's Tools, Number how many may go whatever share that is.
	Percent, Number int
	// All lets all go: an administrator has allowed this commit.
	All bool
}

// Plan is what has to be done for a Listing.
type Plan struct {
	// Write are the files whose Tools are not as they say, sorted.
	Write []*File
	// Remove are the Tools that go, sorted by name.
	Remove []*api.Tool
	// Withheld are the names of the Tools that would go, but are too many, sorted.
	Withheld []string
	// Waiting are the names of Tools that are being deleted, and made again when they are gone.
	Waiting []string
	// Problems are those of all files, and of tools that are not the directory's to have; sorted by file.
	Problems []api.FileProblem
	// Owned counts the directory's Tools as they are now.
	Owned int
}

// Make plans what has to be done so that the Tools of a directory are as a listing says. Tools are all of the cluster; exists
// tells whether there is a Directory of that name.
func Make(directory string, listing Listing, tools []api.Tool, exists func(directory string) bool, bounds Bounds) Plan {
	var plan Plan
	byName := make(map[string]*api.Tool, len(tools))
	for i := range tools {
		byName[tools[i].Name] = &tools[i]
	}
	kept := make(map[string]bool, len(listing.Files))
	for _, file := range listing.Files {
		kept[file.Tool] = true
		plan.Problems = append(plan.Problems, file.Problems...)
		if file.Spec != "" {
			plan.file(directory, file, byName[file.Tool], exists)
		}
	}
	delete(kept, "")
	var gone []*api.Tool
	for _, tool := range byName {
		if tool.Labels[api.DirectoryLabel] != directory || tool.DeletionTimestamp != nil {
			continue
		}
		plan.Owned++
		if !kept[tool.Name] {
			gone = append(gone, tool)
		}
	}
	slices.SortFunc(gone, func(a, b *api.Tool) int { return cmp.Compare(a.Name, b.Name) })
	allowed := max(bounds.Number, plan.Owned*bounds.Percent/100)
	if bounds.All || len(kept) > 0 && len(gone) <= allowed {
		plan.Remove = gone
		return plan
	}
	for _, tool := range gone {
		plan.Withheld = append(plan.Withheld, tool.Name)
	}
	return plan
}

// file plans what has to be done for one file without mistakes. Tool is the Tool of its name, nil when there is none.
func (p *Plan) file(directory string, file *File, tool *api.Tool, exists func(string) bool) {
	switch whose := Owner(tool); {
	case tool == nil:
		p.Write = append(p.Write, file)
	case tool.DeletionTimestamp != nil:
		p.Waiting = append(p.Waiting, tool.Name)
	case whose == directory && file.isWritten(tool):
	case whose == directory, whose == "" && tool.Annotations[api.AllowDirectory] == directory, whose != "" && !exists(whose):
		p.Write = append(p.Write, file)
	default:
		p.Problems = append(p.Problems, file.Taken(directory, tool))
	}
}

// Owner is the Directory that a Tool is of; empty for none.
func Owner(tool *api.Tool) string {
	if tool == nil {
		return ""
	}
	return tool.Labels[api.DirectoryLabel]
}

// Taken says that a tool is not the directory's to have.
func (f *File) Taken(directory string, tool *api.Tool) api.FileProblem {
	if whose := Owner(tool); whose != "" {
		return f.Problem("", fmt.Sprintf("the tool is listed by the Directory %s already, which keeps it: list it in one of them", whose))
	}
	return f.Problem("", fmt.Sprintf("a Tool of this name was made by hand and is left alone: to have it follow this file, `kubectl annotate tool %s %s=%s`",
		tool.Name, api.AllowDirectory, directory))
}

// isWritten tells whether a Tool is as the file says. Fields that the file does not have are anybody's.
func (f *File) isWritten(tool *api.Tool) bool {
	if tool.Annotations[api.DirectoryHash] != f.Hash {
		return false
	}
	live, err := json.Marshal(tool.Spec)
	if err != nil {
		return false
	}
	var is, want any
	if json.Unmarshal(live, &is) != nil || json.Unmarshal([]byte(f.Spec), &want) != nil {
		return false
	}
	return holds(is, want)
}

// holds tells whether a value of JSON has all that another one has. Nothing, an empty list and false are the same.
func holds(is, want any) bool {
	fields, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(is, want) || is == nil && isZero(want)
	}
	has, _ := is.(map[string]any)
	for name, value := range fields {
		if !holds(has[name], value) {
			return false
		}
	}
	return true
}

func isZero(value any) bool {
	switch v := value.(type) {
	case bool:
		return !v
	case string:
		return v == ""
	case float64:
		return v == 0
	case []any:
		return len(v) == 0
	}
	return false
}
