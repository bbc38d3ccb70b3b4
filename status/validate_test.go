package status_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/status"
)

func post(h http.Handler, accept, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/validate", strings.NewReader(body))
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestValidate(t *testing.T) {
	h := sampleHandler(t)
	for _, test := range []struct {
		name, accept, body string
		code               int
		contentType, want  string
	}{
		{"valid", "", "good", 200, "application/json", `"valid": true,` + "\n  " + `"problems": []`},
		{"valid, as text", "text/plain", "good", 200, "text/plain; charset=utf-8", "toolforge.yaml is valid\n"},
		{"invalid", "*/*", "bad", 422, "application/json", `"link": "/docs/toolforge-yaml#scheduled-jobs"`},
		{"invalid, as text", "text/plain", "bad", 422, "text/plain; charset=utf-8",
			"toolforge.yaml:4:5: unknown key `schedul`\ntoolforge.yaml:9:1: two lines \n"},
		{"older", "", "old", 200, "application/json", `"link": "/docs/toolforge-yaml#older-formats"`},
		{"older, in v1", "", "old", 200, "application/json", `"v1": "webservice: {}\n"`},
		{"older, as text", "text/plain", "old", 200, "text/plain; charset=utf-8", "toolforge.yaml:2:3: note: left out\ntoolforge.yaml is valid\n"},
		{"either", "text/plain, application/json", "good", 200, "application/json", `"valid": true`},
		{"largest", "", strings.Repeat("x", status.MaxValidated), 422, "application/json", `"valid": false`},
		{"too large", "", strings.Repeat("x", status.MaxValidated+1), 413, "application/json", "larger than 256 KiB"},
		{"too large, as text", "text/plain", strings.Repeat("x", status.MaxValidated+1), 413, "text/plain; charset=utf-8",
			"toolforge.yaml: the file is larger than 256 KiB\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := post(h, test.accept, test.body)
			if w.Code != test.code || w.Header().Get("Content-Type") != test.contentType || !strings.Contains(w.Body.String(), test.want) {
				t.Errorf("got %d, %s:\n%s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
		})
	}
}

func TestValidateAnswersAllOfAProblem(t *testing.T) {
	var got status.Validation
	if err := json.Unmarshal(post(sampleHandler(t), "application/json", "bad").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := status.Validation{Problems: []status.Problem{
		{Line: 4, Column: 5, Message: "unknown key `schedul`", Section: "scheduled-jobs", Link: "/docs/toolforge-yaml#scheduled-jobs"},
		{Line: 9, Column: 1, Message: "two\nlines "},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReferenceElsewhere(t *testing.T) {
	o := options(t, reader(t, sample()...))
	o.Reference = "https://docs.example/toolforge-yaml.html"
	h := status.New(o)
	const want = "https://docs.example/toolforge-yaml.html#"
	if w := post(h, "", "bad"); !strings.Contains(w.Body.String(), want+"scheduled-jobs") {
		t.Errorf("no link in\n%s", w.Body)
	}
	if w := get(h, "/tools/zeta"); !strings.Contains(w.Body.String(), `<a href="`+want+`jobs">`) {
		t.Errorf("no link in\n%s", w.Body)
	}
}

func TestValidateOnlyTakesPosts(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "BREW"} {
		w := request(sampleHandler(t), method, "/api/v1/validate")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow: %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

// A client that does not send what it promised is not waited for longer than any other.
func TestSlowBody(t *testing.T) {
	server := status.Server("", sampleHandler(t), testr.New(t))
	if server.ReadTimeout == 0 || server.ReadTimeout > 10*time.Second {
		t.Errorf("a body may take %s", server.ReadTimeout)
	}
	server.ReadTimeout = 50 * time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		<-done
	}()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := fmt.Fprint(connection, "POST /api/v1/validate HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\ngo"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", answer.Status)
	}
}
