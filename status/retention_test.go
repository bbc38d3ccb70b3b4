package status_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/status"
)

func (reports) Retention(_ context.Context, here bool) (status.Retention, error) {
	report := status.Retention{Shards: []status.RetentionShard{{
		Known: true, Images: 7, Logs: 12, LastPass: at(time.Hour), Failed: 2, Trouble: "image x: <script>alert(1)</script>",
		Refused: "it answered 405",
	}}}
	if !here {
		report.Shards = append(report.Shards, status.RetentionShard{Shard: 1})
	}
	return report, nil
}

func TestRetention(t *testing.T) {
	h := sampleHandler(t)
	body := get(h, "/builds").Body.String()
	page := text(parse(t, body))
	for _, want := range []string{
		"0 7 0 12 1 hour ago", "Nothing is removed: it answered 405", "2 in the last pass, the last: image x: ",
		"1 not known: the replica that leads cannot be asked",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	if strings.Contains(body, "<script>") {
		t.Error("a registry's text is not escaped")
	}
	if body := get(h, status.RetentionPath).Body.String(); !strings.Contains(body, `"images": 7,`) || !strings.Contains(body, `"shard": 1,`) {
		t.Errorf("as JSON: %s", body)
	}
	if body := get(h, status.RetentionPath+"?here=1").Body.String(); strings.Contains(body, `"shard": 1,`) {
		t.Errorf("here: %s", body)
	}
	metrics := get(h, "/metrics").Body.String()
	for _, want := range []string{
		`toolforged_retention_removed_total{kind="image"} 7`, `toolforged_retention_removed_total{kind="cache"} 0`,
		"toolforged_retention_failed 2", "toolforged_retention_refused 1", "toolforged_retention_last_pass_timestamp_seconds 1.79",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
}

// Where nothing is removed, nothing is said of it.
func TestNoRetention(t *testing.T) {
	o := options(t, reader(t, sample()...))
	o.Retention = nil
	h := status.New(o)
	if page := get(h, "/builds").Body.String(); strings.Contains(page, "retention") {
		t.Error("the page of builds tells of it")
	}
	if code := request(h, http.MethodGet, status.RetentionPath).Code; code != http.StatusNotFound {
		t.Errorf("answered %d", code)
	}
}
