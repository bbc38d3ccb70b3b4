package registry

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

var account = Account{"someone", "a password"}

// ask sends a request without the account and returns the status, the body and where it points.
func ask(t *testing.T, method, url string, body []byte) (int, []byte, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return do(t, request)
}

func do(t *testing.T, request *http.Request) (int, []byte, string) {
	t.Helper()
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

func start(t *testing.T, c Config) string {
	t.Helper()
	handler, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestBlobIsKeptAndCanBeDeleted(t *testing.T) {
	dir := t.TempDir()
	base := start(t, Config{Dir: dir, Account: account})
	content := []byte("a layer")
	status, digest := upload(t, base, "tools/hello", content)
	if status != http.StatusCreated {
		t.Fatalf("uploading: %d", status)
	}
	// A registry that starts anew has what the last one was given.
	base = start(t, Config{Dir: dir, Account: account})
	blob := base + "/v2/tools/hello/blobs/" + digest
	if status, body, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusOK || !bytes.Equal(body, content) {
		t.Errorf("reading: %d %q", status, body)
	}
	if status, body := askAs(t, account, http.MethodDelete, blob); status != http.StatusAccepted {
		t.Errorf("deleting: %d %s", status, body)
	}
	if status, _, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusNotFound {
		t.Errorf("reading what was deleted: %d", status)
	}
}

func TestUploadWithAnotherDigestIsRefused(t *testing.T) {
	base := start(t, Config{Dir: t.TempDir(), Account: account})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v2/hello/blobs/uploads/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(account.User, account.Password)
	_, _, upload := do(t, request)
	if request, err = http.NewRequestWithContext(t.Context(), http.MethodPut, upload+"&digest=sha256:"+digestOfOther, bytes.NewReader([]byte("a layer"))); err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(account.User, account.Password)
	if status, _, _ := do(t, request); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
}

// digestOfOther is the SHA-256 of the empty text.
const digestOfOther = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Who has the account may list the repositories, a page at a time; nobody else.
func TestRepositoriesAreListed(t *testing.T) {
	base := start(t, Config{Dir: t.TempDir(), Account: account})
	if status, body := askAs(t, account, http.MethodGet, base+"/v2/_catalog?n=1000"); status != http.StatusOK {
		t.Errorf("listing: %d %s", status, body)
	}
	if status, _, _ := ask(t, http.MethodGet, base+"/v2/_catalog?n=1000", nil); status != http.StatusUnauthorized {
		t.Errorf("listing without the account: %d", status)
	}
}
