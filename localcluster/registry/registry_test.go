package registry

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// ask sends a request and returns the status, the body and where it points.
func ask(t *testing.T, method, url string, body []byte) (int, []byte, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, content, response.Header.Get("Location")
}

func start(t *testing.T, dir string) string {
	t.Helper()
	handler, err := New(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestBlobIsKeptAndCanBeDeleted(t *testing.T) {
	dir := t.TempDir()
	base := start(t, dir)
	content := []byte("a layer")
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))

	status, _, upload := ask(t, http.MethodPost, base+"/v2/tools/hello/blobs/uploads/", nil)
	if status != http.StatusAccepted {
		t.Fatalf("starting an upload: %d", status)
	}
	if status, body, _ := ask(t, http.MethodPut, upload+"&digest="+digest, content); status != http.StatusCreated {
		t.Fatalf("uploading: %d %s", status, body)
	}
	// A registry that starts anew has what the last one was given.
	base = start(t, dir)
	blob := base + "/v2/tools/hello/blobs/" + digest
	if status, body, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusOK || !bytes.Equal(body, content) {
		t.Errorf("reading: %d %q", status, body)
	}
	if status, body, _ := ask(t, http.MethodDelete, blob, nil); status != http.StatusAccepted {
		t.Errorf("deleting: %d %s", status, body)
	}
	if status, _, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusNotFound {
		t.Errorf("reading what was deleted: %d", status)
	}
}

func TestUploadWithAnotherDigestIsRefused(t *testing.T) {
	base := start(t, t.TempDir())
	_, _, upload := ask(t, http.MethodPost, base+"/v2/hello/blobs/uploads/", nil)
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("something else")))
	if status, _, _ := ask(t, http.MethodPut, upload+"&digest="+digest, []byte("a layer")); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
}
