package sources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func readAll(r *http.Request) string {
	data, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(data))
	return string(data)
}

// protected wants the password "s3cret".
func protected(git http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, r)
	})
}

func TestAuthentication(t *testing.T) {
	repo := newGitServer(t, protected).create(t, "tool")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a"})
	for _, test := range []struct {
		name        string
		credentials *Credentials
		want        error
		says        string
	}{
		{"right", &Credentials{Username: "me", Password: "s3cret"}, nil, ""},
		{"wrong", &Credentials{Username: "me", Password: "hunter2"}, ErrAuthentication, "does not accept"},
		{"none", nil, ErrAuthentication, "needs a user name and password"},
	} {
		t.Run(test.name, func(t *testing.T) {
			at := repo.at("main")
			at.Credentials = test.credentials
			client := newLocalClient(ClientOptions{})
			_, resolveErr := client.Resolve(t.Context(), at)
			_, openErr := client.Open(t.Context(), at, commit)
			for _, err := range []error{resolveErr, openErr} {
				if !errors.Is(err, test.want) {
					t.Fatalf("got %v, want %v", err, test.want)
				}
				if err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2")) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

func TestRedirect(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a"})
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, server.URL+strings.Replace(r.URL.RequestURI(), "/old/", "/", 1), http.StatusMovedPermanently)
	}))
	defer moved.Close()
	at := Repository{URL: moved.URL + "/old/tool/", Ref: "main", Credentials: &Credentials{Username: "me", Password: "s3cret"}}
	client := newLocalClient(ClientOptions{})
	for _, want := range [][]string{
		{"GET /tool/info/refs", "POST /tool/git-upload-pack"},
		{"POST /tool/git-upload-pack"}, // the new address is remembered
	} {
		if got, err := client.Resolve(t.Context(), at); err != nil || got != commit {
			t.Fatalf("got %q, %v", got, err)
		}
		if asked := server.asked(); !slices.Equal(asked, want) {
			t.Errorf("asked %q, want %q", asked, want)
		}
	}
	if _, err := client.Open(t.Context(), at, commit); err != nil {
		t.Error(err)
	}
	for _, header := range server.headers {
		if header.Get("Authorization") != "" {
			t.Error("credentials were sent to another host")
		}
	}
}

func TestRedirectToAHostThatWantsCredentials(t *testing.T) {
	repo := newGitServer(t, protected).create(t, "tool")
	repo.commit(nil)
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.TrimSuffix(repo.url, "/tool")+r.URL.RequestURI(), http.StatusFound)
	}))
	defer moved.Close()
	at := Repository{URL: moved.URL + "/tool", Credentials: &Credentials{Username: "me", Password: "s3cret"}}
	_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), at)
	if !errors.Is(err, ErrAuthentication) || !strings.Contains(err.Error(), "redirects to the host") {
		t.Errorf("got %v", err)
	}
}

func TestRedirectsThatAreNotFollowed(t *testing.T) {
	for name, location := range map[string]string{
		"endless":        "/tool/info/refs?service=git-upload-pack",
		"another scheme": "file:///etc/passwd",
		"a page":         "/login",
		"no host":        "http:///x",
		"unreadable":     "http://[::1",
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/login" {
					w.Header().Set("Content-Type", typeAdvertisement)
					fmt.Fprint(w, "000eversion 2\n0000")
					return
				}
				w.Header().Set("Location", location)
				w.WriteHeader(http.StatusFound)
			}))
			defer server.Close()
			_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), Repository{URL: server.URL + "/tool"})
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("got %v, want ErrProtocol", err)
			}
		})
	}
}

func TestRedirectFromHTTPSToHTTP(t *testing.T) {
	plain := newGitServer(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.RequestURI(), http.StatusFound)
	}))
	defer server.Close()
	client := newLocalClient(ClientOptions{Transport: server.Client().Transport})
	_, err := client.Resolve(t.Context(), Repository{URL: server.URL + "/tool"})
	if !errors.Is(err, ErrProtocol) || len(plain.asked()) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	defer server.Close()
	_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), Repository{URL: server.URL + "/tool"})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "not trusted") {
		t.Errorf("got %v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		repo Repository
		ok   bool
	}{
		{Repository{URL: "https://forge.example/tool.git"}, true},
		{Repository{URL: "http://127.0.0.1:3000/tool.git", Ref: "v1.0"}, true},
		{Repository{URL: ""}, false},
		{Repository{URL: "ssh://git@forge.example/tool"}, true},
		{Repository{URL: "ssh://forge.example:2222/~me/tool"}, true},
		{Repository{URL: "ssh://git:s3cret@forge.example/tool"}, false},
		{Repository{URL: "git@forge.example:tool"}, false},
		{Repository{URL: "file:///etc"}, false},
		{Repository{URL: "forge.example/tool"}, false},
		{Repository{URL: "https:///tool"}, false},
		{Repository{URL: "https://me:s3cret@forge.example/tool"}, false},
		{Repository{URL: "https://forge.example/tool?token=s3cret"}, false},
		{Repository{URL: "https://forge.example/tool#s3cret"}, false},
		{Repository{URL: "https://forge.example/\ns3cret"}, false},
		{Repository{URL: "https://forge.example/" + strings.Repeat("a", maxURL)}, false},
		{Repository{URL: "https://forge.example/t", Ref: "a b"}, false},
		{Repository{URL: "https://forge.example/t", Ref: "a\nref-prefix x"}, false},
		{Repository{URL: "https://forge.example/t", Ref: "a..b"}, false},
		{Repository{URL: "https://forge.example/t", Ref: "refs/heads/"}, false},
		{Repository{URL: "https://forge.example/t", Ref: strings.Repeat("a", maxRef+1)}, false},
	} {
		err := test.repo.Validate()
		if (err == nil) != test.ok || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("%q: %v", test.repo, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestCredentialsAreNotShown(t *testing.T) {
	repo := Repository{URL: "https://forge.example/tool", Credentials: &Credentials{Username: "me", Password: "s3cret"}}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "repo", repo, "credentials", repo.Credentials, "value", *repo.Credentials)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "repo", repo, "credentials", repo.Credentials)
	encoded, err := json.Marshal(repo)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		shown += fmt.Sprintf(verb+verb+verb, repo, repo.Credentials, *repo.Credentials)
	}
	if strings.Contains(shown, "s3cret") {
		t.Errorf("the password is shown in %s", shown)
	}
}
