package status_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

const builtKey = "0123456789abcdef0123456789abcdef"

// openLogs answers with a log, and notes what was asked for.
type openLogs struct {
	open  func(ctx context.Context) (io.ReadCloser, error)
	asked chan string
}

func (o openLogs) Open(ctx context.Context, tool, name, key string, attempt int) (io.ReadCloser, error) {
	if o.asked != nil {
		o.asked <- fmt.Sprint(tool, " ", name, " ", key, " ", attempt)
	}
	return o.open(ctx)
}

func sameText(text string) openLogs {
	return openLogs{open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func builtTool() *v1alpha1.Tool {
	t := servingTool()
	t.Status.Builds = []v1alpha1.Build{{Name: "main", Key: builtKey, Commit: goodCommit, State: v1alpha1.BuildRunning, Attempts: 2}}
	t.Status.BuildHistory = []v1alpha1.PastBuild{{Name: "worker", Key: strings.Repeat("a", 32), Commit: badCommit, Outcome: v1alpha1.BuildOutcomeFailed}}
	return t
}

func logHandler(t *testing.T, logs status.BuildLogs) http.Handler {
	t.Helper()
	o := options(t, reader(t, builtTool()))
	o.BuildLogs = logs
	return status.New(o)
}

func TestBuildLog(t *testing.T) {
	logs := sameText("before\n===> detect\nfound " + hostile + "\n===> build\n=== no heading\nlast line")
	logs.asked = make(chan string, 1)
	h := logHandler(t, logs)
	for _, test := range []struct {
		target, asked string
	}{
		{"/tools/alpha/builds/" + builtKey + "/log", "alpha main " + builtKey + " 0"},
		{"/tools/alpha/builds/" + builtKey + "/log?attempt=2", "alpha main " + builtKey + " 2"},
		{"/tools/alpha/builds/" + strings.Repeat("a", 32) + "/log", "alpha worker " + strings.Repeat("a", 32) + " 0"},
	} {
		w := get(h, test.target)
		if asked := <-logs.asked; w.Code != 200 || asked != test.asked || !strings.HasSuffix(w.Body.String(), "last line") ||
			w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d, asked for %s: %s", test.target, w.Code, asked, w.Body)
		}
	}
	w := get(h, "/tools/alpha/builds/"+builtKey+"/log.html?attempt=1")
	<-logs.asked
	for _, want := range []string{`<h2 id="phase-1">log</h2>`, `<h2 id="phase-2">detect</h2>`, `<h2 id="phase-3">build</h2>`, "=== no heading\nlast line", "log?attempt=1", "goes on while"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in\n%s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "<script>") {
		t.Error("the log is taken for HTML")
	}
	for _, target := range []string{
		"/tools/alpha/builds/" + strings.Repeat("b", 32) + "/log", "/tools/alpha/builds/x/log", "/tools/none/builds/" + builtKey + "/log",
		"/tools/alpha/builds/" + builtKey + "/log?attempt=0", "/tools/alpha/builds/" + builtKey + "/log?attempt=x",
		"/tools/alpha/builds/" + builtKey + "/log.html?attempt=x", "/tools/none/builds/" + builtKey + "/log.html",
	} {
		if w := get(h, target); w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// The page of a build, also of one that has been replaced, leads to its log, where it had one and logs are shown.
func TestBuildLeadsToItsLog(t *testing.T) {
	const text = `/log">as text</a>`
	for key, want := range map[string]bool{builtKey: true, strings.Repeat("a", 32): false} {
		if w := get(logHandler(t, sameText("")), "/tools/alpha/builds/"+key); w.Code != 200 || strings.Contains(w.Body.String(), text) != want {
			t.Errorf("%s: %d\n%s", key, w.Code, w.Body)
		}
	}
	if w := get(logHandler(t, nil), "/tools/alpha/builds/"+builtKey); w.Code != 200 || strings.Contains(w.Body.String(), text) {
		t.Errorf("where logs are not shown: %d\n%s", w.Code, w.Body)
	}
}

func TestNoBuildLog(t *testing.T) {
	for _, test := range []struct {
		err  error
		code int
	}{{fs.ErrNotExist, 404}, {errors.New("the registry did not answer in time"), 503}} {
		h := logHandler(t, openLogs{open: func(context.Context) (io.ReadCloser, error) { return nil, test.err }})
		for _, page := range []string{"log", "log.html"} {
			if w := get(h, "/tools/alpha/builds/"+builtKey+"/"+page); w.Code != test.code {
				t.Errorf("%v, %s: %d", test.err, page, w.Code)
			}
		}
	}
	if w := get(logHandler(t, nil), "/tools/alpha/builds/"+builtKey+"/log"); w.Code != 404 {
		t.Errorf("where logs are not shown: %d", w.Code)
	}
}

// A log is followed for longer than a request may take, and each line is seen when it is printed.
func TestFollowBuildLog(t *testing.T) {
	reader, writer := io.Pipe()
	ended := make(chan struct{})
	server := httptest.NewUnstartedServer(nil)
	server.Config = status.Server("", logHandler(t, openLogs{open: func(ctx context.Context) (io.ReadCloser, error) {
		context.AfterFunc(ctx, func() { reader.Close(); close(ended) })
		return reader, nil
	}}), testr.New(t))
	server.Config.ReadTimeout, server.Config.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	server.Start()
	defer server.Close()
	answer, err := http.Get(server.URL + "/tools/alpha/builds/" + builtKey + "/log")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(answer.Body)
	for i := range 3 {
		time.Sleep(100 * time.Millisecond)
		fmt.Fprintf(writer, "line %d\n", i)
		if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("line %d\n", i) {
			t.Fatalf("%q, %v", line, err)
		}
	}
	answer.Body.Close() // the follower goes
	<-ended
}

func TestTooManyFollowers(t *testing.T) {
	const most = 64
	hold := make(chan struct{})
	arrived := make(chan struct{}, most)
	h := logHandler(t, openLogs{open: func(context.Context) (io.ReadCloser, error) {
		arrived <- struct{}{}
		<-hold
		return io.NopCloser(strings.NewReader("")), nil
	}})
	done := make(chan int, most)
	for range most {
		go func() { done <- get(h, "/tools/alpha/builds/"+builtKey+"/log").Code }()
	}
	for range most {
		<-arrived
	}
	if w := get(h, "/tools/alpha/builds/"+builtKey+"/log"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: %d", w.Code)
	}
	close(hold)
	for range most {
		if code := <-done; code != 200 {
			t.Errorf("code %d", code)
		}
	}
}
