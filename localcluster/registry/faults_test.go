package registry

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "faults.json")
	base := start(t, Config{Dir: t.TempDir(), Account: account, Faults: file})
	const repository = "tool-a/main"
	status, digest := upload(t, base, repository, []byte("a layer"))
	if status != http.StatusCreated {
		t.Fatalf("uploading: %d", status)
	}
	blob := base + "/v2/" + repository + "/blobs/" + digest
	set := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	get := func(url string) (*http.Response, error) {
		response, err := http.Get(url)
		if err == nil {
			t.Cleanup(func() { response.Body.Close() })
		}
		return response, err
	}

	set(`[{"repository": "tool-b/", "status": 500}, {"repository": "tool-a/", "methods": ["GET"], "status": 429, "retryAfter": 7, "message": "slowly"}]`)
	response, err := get(blob)
	if err != nil || response.StatusCode != 429 || response.Header.Get("Retry-After") != "7" {
		t.Errorf("%v, %v", response, err)
	}
	if _, body, _ := ask(t, http.MethodGet, blob, nil); !strings.Contains(string(body), `"code":"TOOMANYREQUESTS","message":"slowly"`) {
		t.Errorf("%s", body)
	}
	if status, _, _ := ask(t, http.MethodHead, blob, nil); status != http.StatusOK {
		t.Errorf("another method: %d", status)
	}
	if status, _ := askAs(t, account, http.MethodGet, base+"/v2/"); status != http.StatusOK {
		t.Errorf("no repository: %d", status)
	}

	set(`[{"repository": "tool-a/", "methods": ["POST", "PATCH", "PUT"], "status": 507, "message": "no space left on device"}]`)
	if status, _ := upload(t, base, repository, []byte("another")); status != http.StatusInsufficientStorage {
		t.Errorf("uploading to what is full: %d", status)
	}
	if status, _, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusOK {
		t.Errorf("reading what is full: %d", status)
	}

	set(`[{"repository": "tool-a/", "reset": true}]`)
	if response, err := get(blob); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v, %v", response, err)
	}

	set(`[{"repository": "tool-a/", "delay": "50ms"}]`)
	if begin := time.Now(); true {
		if status, _, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusOK || time.Since(begin) < 50*time.Millisecond {
			t.Errorf("%d after %s", status, time.Since(begin))
		}
	}

	for _, wrong := range []string{"{", `[{"repository": "tool-a/", "delay": "long"}]`} {
		set(wrong)
		if status, body, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusInternalServerError || !strings.Contains(string(body), "reading the file of faults") {
			t.Errorf("%s: %d %s", wrong, status, body)
		}
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := ask(t, http.MethodGet, blob, nil); status != http.StatusOK {
		t.Errorf("without the file: %d", status)
	}
}
