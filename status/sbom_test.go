package status_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

const builtImage = "registry.example/tool-alpha/main@" + digest

// readSBOM answers when it is asked for the image of the test's tool.
type readSBOM func(ctx context.Context) (status.SBOM, error)

func (r readSBOM) SBOM(ctx context.Context, image string) (status.SBOM, error) {
	if image != builtImage {
		return status.SBOM{}, errors.New("asked for another image: " + image)
	}
	return r(ctx)
}

func sbomHandler(t *testing.T, from status.SBOMs) http.Handler {
	t.Helper()
	built := servingTool()
	finished := before(0)
	built.Status.Builds = []v1alpha1.Build{{Name: "main", Key: builtKey, Commit: goodCommit, State: v1alpha1.BuildSucceeded, Attempts: 1,
		Image: builtImage, FinishedAt: &finished}}
	built.Status.BuildHistory = []v1alpha1.PastBuild{{Name: "main", Key: strings.Repeat("a", 32), Commit: badCommit, Outcome: v1alpha1.BuildOutcomeFailed}}
	o := options(t, reader(t, built))
	o.SBOMs = from
	return status.New(o)
}

const (
	sbomPage     = "/tools/alpha/builds/" + builtKey + "/sbom"
	sbomDocument = "/api/v1" + sbomPage
)

func TestSBOM(t *testing.T) {
	h := sbomHandler(t, readSBOM(func(context.Context) (status.SBOM, error) {
		return status.SBOM{
			Components: []status.Component{
				{Buildpack: "toolforge/python", Layer: "venv", Type: "library", Name: "flask", Version: "3.0",
					PURL: "pkg:pypi/flask@3.0", Scope: "optional"},
				{Buildpack: "x/y", Type: hostile, Name: hostile, Version: "1\u202e", Scope: hostile},
			},
			Silent: []string{"other/one"},
			Unread: []string{"what x/y says of its layer z cannot be read"},
		}, nil
	}))
	w := get(h, sbomPage)
	for _, want := range []string{"flask", "3.0", "pkg:pypi/flask@3.0", "toolforge/python <small>venv</small>", "<small>optional</small>",
		"<code>other/one</code> put in", "Not listed: what x/y says", `href="` + sbomDocument + `"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
	if w.Code != http.StatusOK || strings.Contains(w.Body.String(), "<script>") || strings.Contains(w.Body.String(), "\u202e") {
		t.Errorf("%d, hostile text as it is:\n%s", w.Code, w.Body)
	}
	w = get(h, sbomDocument)
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || got != "application/vnd.cyclonedx+json; version=1.5" {
		t.Errorf("%d, %s", w.Code, got)
	}
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(w.Body, cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	if bom.Metadata.Component.Version != digest || bom.Metadata.Component.Name != "registry.example/tool-alpha/main" ||
		bom.Metadata.Timestamp != "2026-11-23T12:00:00Z" || (*bom.Compositions)[0].Aggregate != cdx.CompositionAggregateIncomplete {
		t.Errorf("it is about %+v, %+v", bom.Metadata, bom.Compositions)
	}
	want := []cdx.Component{
		{Type: "library", Name: "flask", Version: "3.0", PackageURL: "pkg:pypi/flask@3.0", Scope: "optional",
			Properties: &[]cdx.Property{{Name: "toolforge:buildpack", Value: "toolforge/python"}, {Name: "toolforge:layer", Value: "venv"}}},
		{Type: "library", Name: hostile, Version: "1\ufffd", Properties: &[]cdx.Property{{Name: "toolforge:buildpack", Value: "x/y"}}},
	}
	if diff := cmp.Diff(want, *bom.Components); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, page := range []string{"/tools/alpha", "/tools/alpha/builds/" + builtKey} {
		if body := get(h, page).Body.String(); !strings.Contains(body, `href="`+sbomPage+`"`) {
			t.Errorf("%s does not link to it:\n%s", page, body)
		}
	}
}

func TestNoSBOM(t *testing.T) {
	answer := func(found status.SBOM, err error) status.SBOMs {
		return readSBOM(func(context.Context) (status.SBOM, error) { return found, err })
	}
	failed := "/tools/alpha/builds/" + strings.Repeat("a", 32) + "/sbom"
	for _, test := range []struct {
		from   status.SBOMs
		target string
		code   int
		want   string
	}{
		{answer(status.SBOM{}, fs.ErrNotExist), sbomPage, 404, "the image of this build is not in the registry any more"},
		{answer(status.SBOM{}, errors.New("the registry did not answer in time")), sbomPage, 503, "the registry did not answer in time"},
		{answer(status.SBOM{Silent: []string{"other/one"}}, nil), sbomPage, 200, "no component is listed"},
		{answer(status.SBOM{}, nil), failed, 404, "this build has made no image"},
		{answer(status.SBOM{}, nil), "/tools/alpha/builds/none/sbom", 404, "nothing is known of it"},
		{answer(status.SBOM{}, nil), "/tools/none/builds/" + builtKey + "/sbom", 404, "nothing is known of it"},
		{nil, sbomPage, 404, "what is in images is not shown here"},
	} {
		h := sbomHandler(t, test.from)
		if w := get(h, test.target); w.Code != test.code || !strings.Contains(strings.ToLower(w.Body.String()), test.want) {
			t.Errorf("%s: %d, want %d and %q:\n%s", test.target, w.Code, test.code, test.want, w.Body)
		}
		if w := get(h, "/api/v1"+test.target); w.Code != test.code || test.code != http.StatusOK && !strings.Contains(strings.ToLower(w.Body.String()), test.want) {
			t.Errorf("%s as JSON: %d, want %d and %q: %s", test.target, w.Code, test.code, test.want, w.Body)
		}
	}
	if body := get(sbomHandler(t, nil), "/tools/alpha").Body.String(); strings.Contains(body, "/sbom") {
		t.Error("a link to what is not shown")
	}
}

func TestTooManySBOMs(t *testing.T) {
	const most = 2
	hold, arrived := make(chan struct{}), make(chan struct{}, most)
	h := sbomHandler(t, readSBOM(func(context.Context) (status.SBOM, error) {
		arrived <- struct{}{}
		<-hold
		return status.SBOM{}, nil
	}))
	done := make(chan int, most)
	for range most {
		go func() { done <- get(h, sbomDocument).Code }()
	}
	for range most {
		<-arrived
	}
	if w := get(h, sbomPage); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", w.Code)
	}
	close(hold)
	for range most {
		if code := <-done; code != http.StatusOK {
			t.Errorf("code %d", code)
		}
	}
}
