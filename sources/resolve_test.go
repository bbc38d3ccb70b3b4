package sources

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	first := repo.commit(map[string]string{"a": "1"})
	repo.git("tag", "light")
	repo.git("tag", "-a", "-m", "x", "annotated")
	repo.git("tag", "-a", "-m", "x", "twice", "annotated")
	repo.git("branch", "both")
	repo.git("branch", "feature/main")
	repo.git("branch", "mainline")
	second := repo.commit(map[string]string{"a": "2"})
	repo.git("tag", "both")
	repo.git("update-ref", "refs/changes/01/1/1", first)
	repo.git("branch", "refs/heads/odd", first)

	for _, test := range []struct{ ref, want string }{
		{"", second},
		{"HEAD", second},
		{"main", second},
		{"refs/heads/main", second},
		{"feature/main", first},
		{"mainline", first},
		{"both", first},
		{"refs/tags/both", second},
		{"light", first},
		{"refs/tags/light", first},
		{"annotated", first},
		{"refs/tags/annotated", first},
		{"twice", first},
		{"refs/changes/01/1/1", first},
		{"refs/heads/refs/heads/odd", first},
		{first, first},
	} {
		t.Run(test.ref, func(t *testing.T) {
			got, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), repo.at(test.ref))
			if err != nil || got != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	for _, ref := range []string{"mai", "line", "ain", "feature", "odd", "heads/main", "refs/heads/mai", "refs/tags/main", "tags/light"} {
		t.Run("missing "+ref, func(t *testing.T) {
			_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), repo.at(ref))
			if !errors.Is(err, ErrNoRef) || !strings.Contains(err.Error(), ref) || !strings.Contains(err.Error(), repo.url) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestResolveMissingRefMessage(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	repo.commit(nil)
	_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), repo.at("x"))
	if want := `branch or tag "x" does not exist in ` + repo.url; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestResolveEmptyRepository(t *testing.T) {
	repo := newGitServer(t).create(t, "empty")
	if _, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), repo.at("")); !errors.Is(err, ErrNoRef) {
		t.Errorf("got %v, want ErrNoRef", err)
	}
}

func TestResolveFollowsForcePush(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	client := newLocalClient(ClientOptions{})
	first := repo.commit(map[string]string{"a": "1"})
	second := repo.commit(map[string]string{"a": "2"})
	for _, want := range []string{second, first, second} {
		repo.git("reset", "-q", "--hard", want)
		if got, err := client.Resolve(t.Context(), repo.at("main")); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

// The cost of a poll: one request, however many refs there are, over one connection.
func TestResolveIsOneRequest(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	commit := repo.commit(nil)
	var refs strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&refs, "create refs/heads/branch-%d %s\n", i, commit)
	}
	repo.gitWith(refs.String(), "update-ref", "--stdin")
	client := newLocalClient(ClientOptions{})
	for range 3 {
		if got, err := client.Resolve(t.Context(), repo.at("main")); err != nil || got != commit {
			t.Fatalf("got %q, %v", got, err)
		}
		if asked := server.asked(); !slices.Equal(asked, []string{"POST /tool/git-upload-pack"}) {
			t.Errorf("asked %q", asked)
		}
	}
	// A name that thousands begin with is still found, and one that does not exist is still an answer.
	if _, err := client.Resolve(t.Context(), repo.at("branch-7")); err != nil {
		t.Error(err)
	}
	if _, err := client.Resolve(t.Context(), repo.at("branch-")); !errors.Is(err, ErrNoRef) {
		t.Errorf("got %v, want ErrNoRef", err)
	}
}

func TestResolveMissingRepository(t *testing.T) {
	server := newGitServer(t)
	_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), Repository{URL: server.URL + "/nothing"})
	if !errors.Is(err, ErrNotFound) || !Mendable(err) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestResolveUnreachable(t *testing.T) {
	server := newGitServer(t)
	server.Close()
	client := newLocalClient(ClientOptions{})
	_, first := client.Resolve(t.Context(), Repository{URL: server.URL + "/tool"})
	_, second := client.Resolve(t.Context(), Repository{URL: server.URL + "/tool"})
	if !errors.Is(first, ErrUnreachable) || Mendable(first) || first.Error() != second.Error() {
		t.Errorf("got %v, then %v", first, second)
	}
}

// needsCapabilities is a server that takes no command before it was asked for its capabilities.
func needsCapabilities(git http.Handler) http.Handler {
	asked := false
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			asked = true
		} else if !asked {
			http.Error(w, "ask first", http.StatusBadRequest)
			return
		}
		git.ServeHTTP(w, r)
	})
}

func TestResolveFallsBackToTheFullExchange(t *testing.T) {
	server := newGitServer(t, needsCapabilities)
	repo := server.create(t, "tool")
	commit := repo.commit(nil)
	if got, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), repo.at("main")); err != nil || got != commit {
		t.Fatalf("got %q, %v", got, err)
	}
	want := []string{"POST /tool/git-upload-pack", "GET /tool/info/refs", "POST /tool/git-upload-pack"}
	if asked := server.asked(); !slices.Equal(asked, want) {
		t.Errorf("asked %q", asked)
	}
}

func TestObjectFormatOtherThanSHA1(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	repo.git("init", "-q", "--object-format=sha256", "new")
	other := &testRepo{t: t, dir: repo.dir + "/new", url: repo.url + "/new"}
	other.commit(nil)
	_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), other.at("main"))
	if !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), "SHA-1") {
		t.Errorf("got %v", err)
	}
}
