package status

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/toolforge/toolforged/api/v1alpha1"
)

// DirectoryList is the answer to /api/v1/directories.
type DirectoryList struct {
	// Directories are sorted by name.
	Directories []Directory `json:"directories"`
}

// Directory is one repository that lists tools.
type Directory struct {
	// Name is the Directory's name.
	Name string `json:"name"`
	// Verdict is Ready's.
	Verdict
	// Suspended: the repository is not polled, and no tool is made, changed or removed.
	Suspended bool `json:"suspended"`
	// Repository is the URL of the git repository.
	Repository string `json:"repository"`
	// Ref is the branch, tag or commit that is followed.
	Ref string `json:"ref"`
	// Path is the directory in the repository.
	Path string `json:"path"`
	// SeenCommit is the newest commit found, "" before the first.
	SeenCommit string `json:"seen_commit"`
	// SeenAt is when that commit was first seen.
	SeenAt *time.Time `json:"seen_at"`
	// AppliedCommit is the newest commit that was put into effect, "" before the first.
	AppliedCommit string `json:"applied_commit"`
	// Files counts the files of the commit seen, Tools the tools that are the directory's.
	Files int32 `json:"files"`
	Tools int32 `json:"tools"`
	// Problems are what is wrong with files; at most 50. The tool of such a file stays as it is.
	Problems []FileProblem `json:"problems"`
	// Withheld names tools that the commit does not list and that were not removed, since they are too many; at most 50.
	Withheld []string `json:"withheld"`
	// Conditions are those of the resource.
	Conditions []Condition `json:"conditions"`
}

// FileProblem is one mistake in a file of a directory.
type FileProblem struct {
	// File is the file's path in the repository.
	File string `json:"file"`
	// Line and Column count from 1; 0 when the problem has no place in the file.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Message says what is wrong and what to write instead.
	Message string `json:"message"`
}

func describeDirectory(d *v1alpha1.Directory) Directory {
	described := Directory{
		Name:          d.Name,
		Verdict:       verdictOf(d.Status.Conditions, d.Generation, d.Status.ObservedGeneration),
		Suspended:     d.Spec.Suspend,
		Repository:    d.Spec.Repository,
		Ref:           d.Spec.Ref,
		Path:          d.Spec.Path,
		AppliedCommit: d.Status.Applied,
		Files:         d.Status.Files,
		Tools:         d.Status.Tools,
		Problems: collect(d.Status.Problems, func(p v1alpha1.FileProblem) FileProblem {
			return FileProblem{File: message(p.File), Line: p.Line, Column: p.Column, Message: message(p.Message)}
		}),
		Withheld:   slices.Concat([]string{}, d.Status.Withheld),
		Conditions: conditionsOf(d.Status.Conditions),
	}
	if seen := d.Status.Seen; seen != nil {
		at := seen.SeenAt.UTC()
		described.SeenCommit, described.SeenAt = seen.Commit, &at
	}
	return described
}

// directories returns the directories of tools, sorted by name.
func (s store) directories(ctx context.Context) ([]Directory, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var list v1alpha1.DirectoryList
	if err := s.reader.List(ctx, &list, uncopied); err != nil {
		return nil, fmt.Errorf("listing directories: %w", err)
	}
	directories := make([]Directory, 0, len(list.Items))
	for i := range list.Items {
		directories = append(directories, describeDirectory(&list.Items[i]))
	}
	slices.SortFunc(directories, func(a, b Directory) int { return cmp.Compare(a.Name, b.Name) })
	return directories, nil
}

func (a api) serveDirectories(w http.ResponseWriter, r *http.Request) {
	directories, err := a.store.directories(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, DirectoryList{directories})
}

type directoriesPage struct {
	frame
	Directories []Directory
}

// Page is the address of the page about what is polled: a tool's, or that of the directories.
func (p Poll) Page() string {
	if name, ok := strings.CutPrefix(p.Tool, "directory:"); ok {
		return "/directories#" + name
	}
	return "/tools/" + p.Tool
}

// serveDirectories shows the repositories that list tools.
func (p pages) serveDirectories(w http.ResponseWriter, r *http.Request) {
	directories, err := p.store.directories(r.Context())
	if err != nil {
		p.fail(w, err)
		return
	}
	p.render(w, http.StatusOK, "directories.html", directoriesPage{p.frame("Directories"), directories})
}
