package status_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	h := sampleHandler(t)
	page := get(h, "/docs/toolforge-yaml")
	for _, want := range []string{
		"<title>toolforge.yaml · toolforged</title>", `<h2 id="health_check">`, `<h2 id="cpu-and-memory">`, `<a href="start.md">`,
		"<td align=\"right\"><code>path</code></td>",
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, page.Body)
		}
	}
	if strings.Contains(page.Body.String(), "<script") || strings.Contains(page.Body.String(), "style=") {
		t.Errorf("a script or a style is left in\n%s", page.Body)
	}
	if with := get(h, "/docs/toolforge-yaml.md"); with.Body.String() != page.Body.String() {
		t.Error("another page with .md, to which the pages link")
	}
	list := get(h, "/docs/").Body.String()
	first, second := strings.Index(list, `<a href="/docs/start">A start</a>`), strings.Index(list, `<a href="/docs/toolforge-yaml">`)
	if first < 0 || second < first {
		t.Errorf("not both pages, in order:\n%s", list)
	}
	for _, target := range []string{"/docs/none", "/docs/..%2Fsecret.md", "/docs/docs.go"} {
		if w := get(h, target); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

func TestSchema(t *testing.T) {
	h := sampleHandler(t)
	w := get(h, "/schema/toolforge-v1.json")
	tag := w.Header().Get("ETag")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/schema+json" || w.Body.String() != `{"title": "toolforge.yaml"}` ||
		w.Header().Get("Cache-Control") != "public, max-age=3600" || tag == "" || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("got %d, %v, %s", w.Code, w.Header(), w.Body)
	}
	again := requestWith(h, "/schema/toolforge-v1.json", "If-None-Match", tag)
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("asked again: %d", again.Code)
	}
}
