package status_test

import (
	"encoding/json"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/status"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestJSON(t *testing.T) {
	h := sampleHandler(t)
	for file, target := range map[string]string{
		"tools.json":      "/api/v1/tools",
		"tools-page.json": "/api/v1/tools?limit=2&continue=alpha",
		"tool.json":       "/api/v1/tools/zeta",
		"tool-new.json":   "/api/v1/tools/new",
		"builders.json":   "/api/v1/builders",
	} {
		t.Run(file, func(t *testing.T) { golden(t, file, get(h, target).Body.Bytes()) })
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestNothingIsNull(t *testing.T) {
	h := status.New(options(t, reader(t)))
	for target, want := range map[string]string{
		"/api/v1/tools":    "{\n  \"tools\": [],\n  \"total\": 0,\n  \"continue\": \"\"\n}\n",
		"/api/v1/builders": "{\n  \"builders\": []\n}\n",
	} {
		if got := get(h, target).Body.String(); got != want {
			t.Errorf("%s: %s", target, got)
		}
	}
}

func TestJSONPagesHoldEveryToolOnce(t *testing.T) {
	h := status.New(options(t, reader(t, many(3500)...)))
	if all := tools(t, get(h, "/api/v1/tools").Body.Bytes()); len(all.Tools) != 3500 || all.Continue != "" {
		t.Errorf("without a limit: %d tools, continue %q", len(all.Tools), all.Continue)
	}
	seen, after := 0, ""
	for range 5 {
		page := tools(t, get(h, "/api/v1/tools?limit=999&continue="+url.QueryEscape(after)).Body.Bytes())
		if page.Total != 3500 {
			t.Fatalf("total %d", page.Total)
		}
		for _, tool := range page.Tools {
			if tool.Name <= after {
				t.Fatalf("%s after %s", tool.Name, after)
			}
			after, seen = tool.Name, seen+1
		}
		if page.Continue == "" {
			break
		}
		if page.Continue != after {
			t.Fatalf("continue is %q after %q", page.Continue, after)
		}
	}
	if seen != 3500 {
		t.Errorf("%d tools on all pages", seen)
	}
	if past := tools(t, get(h, "/api/v1/tools?continue=zzz").Body.Bytes()); past.Tools == nil || len(past.Tools) != 0 {
		t.Errorf("after the last: %v", past.Tools)
	}
}

func TestFilter(t *testing.T) {
	h := sampleHandler(t)
	for query, want := range map[string]string{
		"ALPH":         "alpha",
		"buildfailed":  "zeta",
		badCommit[:8]:  "zeta",
		goodCommit[:8]: "alpha zeta",
		"building":     "gamma",
		"no such":      "",
	} {
		var names []string
		for _, tool := range tools(t, get(h, "/api/v1/tools?q="+url.QueryEscape(query)).Body.Bytes()).Tools {
			names = append(names, tool.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("q=%s: %q, want %q", query, got, want)
		}
	}
}

func tools(t *testing.T, body []byte) status.ToolList {
	t.Helper()
	var list status.ToolList
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}
	return list
}
