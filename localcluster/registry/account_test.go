package registry

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestAccount(t *testing.T) {
	base := start(t, Config{Dir: t.TempDir(), Account: account})
	put := func(repository string) (manifest, layer string) {
		image, err := random.Image(100, 1)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.NewTag(strings.TrimPrefix(base, "http://") + "/" + repository + ":a")
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err == nil {
			t.Errorf("%s is written without the account", repository)
		}
		auth := remote.WithAuth(&authn.Basic{Username: account.User, Password: account.Password})
		if err := remote.Write(ref, image, auth); err != nil {
			t.Fatal(err)
		}
		layers, err := image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		digest, err := layers[0].Digest()
		if err != nil {
			t.Fatal(err)
		}
		return base + "/v2/" + repository + "/manifests/a", base + "/v2/" + repository + "/blobs/" + digest.String()
	}
	manifest, layer := put("tool-a/main")
	cached, cachedLayer := put("cache/tool-a/main")
	for _, test := range []struct {
		method, url   string
		without, with int
	}{
		{"GET", base + "/v2/", 401, 200},
		{"GET", base + "/v2/_catalog", 401, 200},
		{"GET", manifest, 200, 200},
		{"HEAD", manifest, 200, 200},
		{"GET", layer, 200, 200},
		{"GET", base + "/v2/tool-a/main/tags/list", 200, 200},
		{"GET", cached, 401, 200},
		{"HEAD", cached, 401, 200},
		{"GET", cachedLayer, 401, 200},
		{"GET", base + "/v2/cache/tool-a/main/tags/list", 401, 200},
		// The registry sends those who ask so to the clean path.
		{"GET", base + "/v2//cache/tool-a/main/manifests/a", 401, 200},
		{"GET", base + "/v2/tool-a/../cache/tool-a/main/manifests/a", 401, 200},
		{"GET", base + "/v2/%63ache/tool-a/main/manifests/a", 401, 200},
		// What is private can be given to no repository that is not.
		{"GET", strings.Replace(cachedLayer, "/cache/", "/", 1), 404, 404},
		{"POST", base + "/v2/tool-a/main/blobs/uploads/", 401, 202},
		{"PUT", base + "/v2/tool-a/main/manifests/b", 401, 400},
		{"DELETE", layer, 401, 202},
		{"DELETE", cached, 401, 202},
	} {
		if status, _, _ := ask(t, test.method, test.url, nil); status != test.without {
			t.Errorf("%s %s without the account: %d, not %d", test.method, test.url, status, test.without)
		}
		if status, _ := askAs(t, Account{account.User, "wrong"}, test.method, test.url); status != 401 {
			t.Errorf("%s %s with a wrong password: %d", test.method, test.url, status)
		}
		if status, body := askAs(t, account, test.method, test.url); status != test.with {
			t.Errorf("%s %s with the account: %d, not %d: %s", test.method, test.url, status, test.with, body)
		}
	}
}

func TestCredentials(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "credentials")
	made, err := Credentials(dir, []string{"127.0.0.1:5000"})
	if err != nil || made.User == "" || len(made.Password) < 20 {
		t.Fatalf("%+v, %v", made, err)
	}
	again, err := Credentials(dir, []string{"127.0.0.1:5001", "registry.toolforge.local:5000"})
	if err != nil || again != made {
		t.Errorf("%+v became %+v, %v", made, again, err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	for _, host := range []string{"127.0.0.1:5001", "registry.toolforge.local:5000"} {
		registry, err := name.NewRegistry(host)
		if err != nil {
			t.Fatal(err)
		}
		auth, err := authn.DefaultKeychain.Resolve(registry)
		if err != nil {
			t.Fatal(err)
		}
		config, err := auth.Authorization()
		if err != nil || config.Username != made.User || config.Password != made.Password {
			t.Errorf("clients read for %s: %+v, %v", host, config, err)
		}
	}
	for _, content := range []string{"", "toolforged:secret", "{}", `{"auths": {"a": {"auth": "c2VjcmV0"}}}`, `{"auths": {"a": {"auth": "?secret"}}}`} {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Credentials(dir, nil); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func askAs(t *testing.T, a Account, method, url string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(a.User, a.Password)
	status, body, _ := do(t, request)
	return status, body
}

// upload puts content into a repository.
func upload(t *testing.T, base, repository string, content []byte) (int, string) {
	t.Helper()
	send := func(method, url string, body []byte) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(account.User, account.Password)
		status, _, location := do(t, request)
		return status, location
	}
	status, location := send(http.MethodPost, base+"/v2/"+repository+"/blobs/uploads/", nil)
	if status != http.StatusAccepted {
		return status, ""
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	status, _ = send(http.MethodPut, location+"&digest="+digest, content)
	return status, digest
}
