package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/toolforge/toolforged/docs"
	"github.com/toolforge/toolforged/schema"
	"github.com/toolforge/toolforged/status"
)

// endpoint is the status endpoint with the documentation and the parser of the daemon.
func endpoint() http.Handler {
	return status.New(status.Options{
		Metrics: prometheus.NewRegistry(), Now: time.Now, Schema: schema.Toolforge, Validate: validate, Docs: docs.Pages,
	})
}

func get(t *testing.T, h http.Handler, target string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	if w.Code != http.StatusOK {
		t.Errorf("%s: %d", target, w.Code)
	}
	return w.Body.String()
}

// A maintainer's file is checked, and the link of each problem leads to a heading of the documentation.
func TestValidateAndRead(t *testing.T) {
	h := endpoint()
	const file = "stack: python\nwebservice: {health_check: /healthz}\njobs: [{name: a, schedul: daily, memory: 1}]\n"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/v1/validate", strings.NewReader(file)))
	links := regexp.MustCompile(`"link": "(.*)#(.*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if w.Code != http.StatusUnprocessableEntity || len(links) < 3 {
		t.Fatalf("got %d, %s", w.Code, w.Body)
	}
	for _, link := range links {
		if page := get(t, h, link[1]); !strings.Contains(page, fmt.Sprintf("id=%q", link[2])) {
			t.Errorf("%s has no heading %s", link[1], link[2])
		}
	}
}

// No page of the documentation links to a page or a heading that is not there.
func TestDocumentationLinks(t *testing.T) {
	h := endpoint()
	links := regexp.MustCompile(`href="([^"#:]*)(?:#([^"]*))?"`)
	for _, name := range pagesOf(t) {
		for _, link := range links.FindAllStringSubmatch(get(t, h, "/docs/"+name), -1) {
			target := "/docs/" + name
			switch {
			case strings.HasPrefix(link[1], "/"):
				target = link[1]
			case link[1] != "":
				target = path.Join("/docs", link[1])
			}
			if slices.Contains([]string{"/", "/builds", "/builders", "/directories", "/polling"}, target) {
				continue // they need a cluster
			}
			if page := get(t, h, target); link[2] != "" && !strings.Contains(page, fmt.Sprintf("id=%q", link[2])) {
				t.Errorf("%s links to %s#%s, which is not there", name, target, link[2])
			}
		}
	}
}

func pagesOf(t *testing.T) []string {
	t.Helper()
	entries, err := docs.Pages.ReadDir(".")
	if err != nil || len(entries) < 5 {
		t.Fatalf("%d pages, %v", len(entries), err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return names
}
