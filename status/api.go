package status

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/go-logr/logr"
)

// maxLimit bounds ?limit=.
const maxLimit = 5000

// unavailable is all that a stranger learns of a failure on this side; the log has the rest.
const unavailable = "the state of the tools cannot be read at the moment; try again in a few seconds"

// api serves the JSON answers.
type api struct {
	store     store
	log       logr.Logger
	polling   PollingReports
	retention RetentionReports
}

func (a api) serveTools(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, err := limitOf(query)
	if err != nil {
		a.answer(w, http.StatusBadRequest, Error{err.Error()})
		return
	}
	tools, err := a.store.tools(r.Context(), query.Get("q"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, pageOf(tools, limit, query.Get("continue")))
}

// limitOf returns the bound that the query sets, 0 when it sets none.
func limitOf(query url.Values) (int, error) {
	if !query.Has("limit") {
		return 0, nil
	}
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, fmt.Errorf("limit must be a number from 1 to %d; without it all tools are listed", maxLimit)
	}
	return limit, nil
}

// pageOf returns the tools after a name, at most limit of them. A name stays a good place to go on from when tools come
// and go between two pages; a number would not.
func pageOf(tools []ToolSummary, limit int, after string) ToolList {
	list := ToolList{Tools: tools, Total: len(tools)}
	if first := slices.IndexFunc(tools, func(t ToolSummary) bool { return t.Name > after }); first >= 0 {
		list.Tools = tools[first:]
	} else {
		list.Tools = tools[len(tools):]
	}
	if limit > 0 && len(list.Tools) > limit {
		list.Tools = list.Tools[:limit]
		list.Continue = list.Tools[limit-1].Name
	}
	return list
}

func (a api) serveTool(w http.ResponseWriter, r *http.Request) {
	tool, err := a.store.tool(r.Context(), r.PathValue("name"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, tool)
}

func (a api) serveBuilders(w http.ResponseWriter, r *http.Request) {
	builders, err := a.store.builders(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, BuilderList{builders})
}

func (a api) serveNothing(w http.ResponseWriter, _ *http.Request) {
	a.answer(w, http.StatusNotFound, Error{"there is /api/v1/tools, /api/v1/tools/<name>, /api/v1/builders, /api/v1/directories, /api/v1/polling and /api/v1/validate"})
}

func (a api) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, errNotFound) {
		a.answer(w, http.StatusNotFound, Error{"there is no tool of that name"})
		return
	}
	a.log.Error(err, "request failed")
	a.answer(w, http.StatusServiceUnavailable, Error{unavailable})
}

func (a api) answer(w http.ResponseWriter, code int, answer any) {
	if err := writeJSON(w, code, answer); err != nil {
		a.log.Error(err, "encoding an answer failed")
		writeText(w, http.StatusInternalServerError, "the answer could not be written\n")
	}
}
