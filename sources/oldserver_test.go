package sources

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// speaking has the backend speak an older version of the protocol: "version=1", or "" for 0.
func speaking(version string) func(http.Handler) http.Handler {
	return func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Git-Protocol")
			if version != "" {
				r.Header.Set("Git-Protocol", version)
			}
			git.ServeHTTP(w, r)
		})
	}
}

// versions are what git's own backend speaks.
var versions = map[string]func(http.Handler) http.Handler{
	"version 2": speaking("version=2"), "version 1": speaking("version=1"), "version 0": speaking(""),
}

func TestEveryVersionResolves(t *testing.T) {
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			server := newGitServer(t, version)
			repo := server.create(t, "tool")
			first := repo.commit(map[string]string{"a": "1"})
			repo.git("tag", "-a", "-m", "x", "annotated")
			repo.git("tag", "light")
			repo.git("branch", "feature/main")
			repo.git("branch", "both")
			second := repo.commit(map[string]string{"a": "2"})
			repo.git("tag", "-a", "-m", "x", "both")
			client := newLocalClient(ClientOptions{})
			for _, test := range []struct{ ref, want string }{
				{"", second}, {"main", second}, {"refs/heads/main", second}, {"feature/main", first}, {"annotated", first},
				{"refs/tags/annotated", first}, {"light", first}, {"both", first}, {"refs/tags/both", second}, {first, first},
			} {
				for range 2 { // as new, and as remembered
					if got, err := client.Resolve(t.Context(), repo.at(test.ref)); err != nil || got != test.want {
						t.Errorf("%s: got %q, %v; want %q", test.ref, got, err, test.want)
					}
				}
			}
			for _, ref := range []string{"mai", "feature", "refs/tags/main", "refs/tags/annotated^{}"} {
				if got, err := client.Resolve(t.Context(), repo.at(ref)); err == nil {
					t.Errorf("%s: got %q", ref, got)
				}
			}
			empty := server.create(t, "empty")
			if _, err := client.Resolve(t.Context(), empty.at("")); !errors.Is(err, ErrNoRef) {
				t.Errorf("an empty repository: %v", err)
			}
		})
	}
}

// A poll of an old server that is known is one request, and a new repository of its host is not asked in vain.
func TestOldServerIsRemembered(t *testing.T) {
	server := newGitServer(t, speaking(""))
	one, two := server.create(t, "one"), server.create(t, "two")
	one.commit(nil)
	two.commit(nil)
	client := newLocalClient(ClientOptions{})
	for _, want := range []struct {
		repo  *testRepo
		asked []string
	}{
		{one, []string{"POST /one/git-upload-pack", "GET /one/info/refs"}},
		{one, []string{"GET /one/info/refs"}},
		{two, []string{"GET /two/info/refs"}},
	} {
		if _, err := client.Resolve(t.Context(), want.repo.at("main")); err != nil {
			t.Fatal(err)
		}
		if asked := server.asked(); !slices.Equal(asked, want.asked) {
			t.Errorf("asked %q, want %q", asked, want.asked)
		}
	}
}

// Every version, with and without what git calls filters and any commit.
func TestEveryVersionReads(t *testing.T) {
	for name, version := range versions {
		for _, generous := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s generous %t", name, generous), func(t *testing.T) {
				repo := newGitServer(t, version).create(t, "tool")
				repo.git("config", "uploadpack.allowFilter", fmt.Sprint(generous))
				repo.git("config", "uploadpack.allowAnySHA1InWant", fmt.Sprint(generous))
				text := strings.Repeat("a line that is there again and again\n", 200)
				older := repo.commit(map[string]string{"toolforge.yaml": "older", "app/a.txt": text, "app/b.txt": text + "b"})
				repo.git("tag", "-a", "-m", "x", "annotated")
				middle := repo.commit(map[string]string{"toolforge.yaml": "middle"})
				newest := repo.commit(map[string]string{"toolforge.yaml": "newest", "app/b.txt": text + "c"})
				repo.git("repack", "-adq")
				client := newLocalClient(ClientOptions{})
				// The newest is a branch's, the older one a tag's, that in the middle none's.
				for commit, want := range map[string]string{older: "older", middle: "middle", newest: "newest"} {
					for range 2 {
						checkReads(t, client, repo, commit, want)
					}
				}
				missing := strings.Repeat("1", 40)
				if _, err := client.Open(t.Context(), repo.at("main"), missing); !errors.Is(err, ErrNoCommit) {
					t.Errorf("a commit that is not there: %v", err)
				}
				if _, err := client.Checkout(t.Context(), repo.at("main"), newest, t.TempDir(), CheckoutOptions{}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// checkReads opens a commit and compares its toolforge.yaml and trees with git's.
func checkReads(t *testing.T, client *Client, repo *testRepo, commit, want string) {
	t.Helper()
	snapshot, err := client.Open(t.Context(), repo.at("main"), commit)
	if err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	data, err := snapshot.ReadFile(t.Context(), "toolforge.yaml", 1<<20)
	if err != nil || string(data) != want {
		t.Errorf("%s: got %q, %v", want, data, err)
	}
	for path, spec := range map[string]string{"": "^{tree}", "app": ":app"} {
		id, err := snapshot.TreeID(path, Ignore{})
		if wanted := repo.git("rev-parse", commit+spec); err != nil || id != wanted {
			t.Errorf("%s: the tree of %q is %q, %v; want %q", want, path, id, err, wanted)
		}
	}
	if raw := snapshot.RawCommit(); strings.TrimSpace(string(raw)) != repo.git("cat-file", "commit", commit) {
		t.Errorf("%s: the commit is %q", want, raw)
	}
}

// What is kept of an old server's refs does not depend on how many there are.
func TestOldServerOfManyRefs(t *testing.T) {
	server := newGitServer(t, speaking(""))
	repo := server.create(t, "tool")
	commit := repo.commit(nil)
	var refs strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&refs, "%s refs/heads/branch-%05d\n", commit, i)
	}
	repo.packedRefs("# pack-refs with: peeled fully-peeled sorted \n" + refs.String())
	client := newLocalClient(ClientOptions{})
	for _, ref := range []string{"branch-00000", "branch-19999", "main"} {
		if got, err := client.Resolve(t.Context(), repo.at(ref)); err != nil || got != commit {
			t.Errorf("%s: got %q, %v", ref, got, err)
		}
	}
	if _, err := newLocalClient(ClientOptions{MaxRefs: 1 << 20}).Resolve(t.Context(), repo.at("main")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than is read: %v", err)
	}
}
