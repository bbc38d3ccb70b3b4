package status

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-logr/logr"
)

// rowsOnPage bounds one page of the list, so that thousands of tools stay readable on a phone.
const rowsOnPage = 500

// pages serves the HTML.
type pages struct {
	store     store
	log       logr.Logger
	now       func() time.Time
	version   string
	polling   PollingReports
	retention RetentionReports
	// buildLogs tells whether the logs of builds are shown.
	buildLogs bool
	// sboms tells whether what is in images is shown.
	sboms bool
}

// frame is what every page has.
type frame struct {
	Title   string
	Now     time.Time
	Version string
	// ShowsPolling tells whether there is a page about polling.
	ShowsPolling bool
}

func (p pages) frame(title string) frame {
	return frame{Title: title, Now: p.now().UTC(), Version: p.version, ShowsPolling: p.polling != nil}
}

type listPage struct {
	frame
	Query                string
	Counts               []count
	Tools                []ToolSummary
	First, Last, Total   int
	PreviousURL, NextURL string
}

// count is how many tools have a badge.
type count struct {
	Badge badge
	N     int
}

func (p pages) serveTools(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	tools, err := p.store.tools(r.Context(), query.Get("q"))
	if err != nil {
		p.fail(w, err)
		return
	}
	slices.SortStableFunc(tools, func(a, b ToolSummary) int {
		return cmp.Compare(urgency(badgeOf(a)), urgency(badgeOf(b)))
	})
	page := listPage{frame: p.frame("Tools"), Query: query.Get("q"), Counts: countsOf(tools), Total: len(tools)}
	page.turnTo(query.Get("page"), tools)
	p.render(w, http.StatusOK, "tools.html", page)
}

// turnTo fills in the rows of one page, numbered from 1; a number that makes no sense is the nearest page that exists.
func (l *listPage) turnTo(page string, tools []ToolSummary) {
	last := max(1, (len(tools)+rowsOnPage-1)/rowsOnPage)
	n, err := strconv.Atoi(page)
	if err != nil {
		n = 1
	}
	n = min(max(n, 1), last)
	from, to := (n-1)*rowsOnPage, min(n*rowsOnPage, len(tools))
	l.Tools, l.First, l.Last = tools[from:to], from+1, to
	if n > 1 {
		l.PreviousURL = l.url(n - 1)
	}
	if n < last {
		l.NextURL = l.url(n + 1)
	}
}

func (l *listPage) url(page int) string {
	query := url.Values{"page": {strconv.Itoa(page)}}
	if l.Query != "" {
		query.Set("q", l.Query)
	}
	return "/?" + query.Encode()
}

func countsOf(tools []ToolSummary) []count {
	counts := make([]count, len(badges))
	for i, b := range badges {
		counts[i].Badge = b
	}
	for _, t := range tools {
		counts[urgency(badgeOf(t))].N++
	}
	return counts
}

type toolPage struct {
	frame
	Tool
	NextStep string
	// Logs tells whether the output of jobs is shown.
	Logs bool
	// Polls are those of its repositories.
	Polls []Poll
	// BuildLogs tells whether the logs of builds are shown.
	BuildLogs bool
	// SBOMs tells whether what is in images is shown.
	SBOMs bool
}

func (p pages) serveTool(w http.ResponseWriter, r *http.Request) {
	tool, err := p.store.tool(r.Context(), r.PathValue("name"))
	if err != nil {
		p.fail(w, err)
		return
	}
	p.render(w, http.StatusOK, "tool.html", toolPage{p.frame(tool.Name), tool, nextStep(tool), p.store.logs, p.pollsFor(r.Context(), tool.Name), p.buildLogs, p.sboms})
}

type messagePage struct {
	frame
	Message string
}

func (p pages) serveNothing(w http.ResponseWriter, _ *http.Request) {
	p.render(w, http.StatusNotFound, "message.html", messagePage{p.frame("Not found"), "There is no such page."})
}

func (p pages) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, errNotFound) {
		p.render(w, http.StatusNotFound, "message.html",
			messagePage{p.frame("Not found"), "There is no tool of that name."})
		return
	}
	p.log.Error(err, "request failed")
	p.render(w, http.StatusServiceUnavailable, "message.html", messagePage{p.frame("Not available"), "Sorry, " + unavailable + "."})
}

func (p pages) render(w http.ResponseWriter, code int, name string, data any) {
	var body bytes.Buffer
	if err := templates.ExecuteTemplate(&body, name, data); err != nil {
		p.log.Error(err, "rendering a page failed", "page", name)
		writeText(w, http.StatusInternalServerError, "the page could not be written\n")
		return
	}
	write(w, code, "text/html; charset=utf-8", body.Bytes())
}
