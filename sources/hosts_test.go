package sources

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/crypto/ssh"
)

// hostileHosts are servers that want to hurt, what an error about each says, and of which kind it is.
var hostileHosts = map[string]struct {
	serve func(t *testing.T) Repository
	want  error
	says  string
}{
	"endless refs":         {hostileRefs(func(w io.Writer) { endless(w, packets(someID+" refs/heads/main-x")) }), ErrTooLarge, "refs begin with"},
	"endless line":         {hostileRefs(func(w io.Writer) { endless(w, "fff0"+strings.Repeat("a", 0xfff0-4)) }), ErrProtocol, "malformed"},
	"endless old refs":     {oldRefs(func(w io.Writer) { endless(w, packets(someID+" refs/heads/x")) }), ErrTooLarge, "larger than"},
	"endless capabilities": {oldRefs(func(w io.Writer) { fmt.Fprint(w, packets("version 2")); endless(w, packets(strings.Repeat("x", 1000))) }), ErrProtocol, "larger than 64 KiB"},
	"endless pack": {hostilePack(func(w io.Writer) {
		fmt.Fprint(w, "0015\x01PACK\x00\x00\x00\x02\x00\x00\x00\x01")
		endless(w, "0009\x01abcd")
	}), ErrProtocol, ""},
	"endless progress": {hostilePack(func(w io.Writer) { endless(w, strings.Repeat("0009\x02abcd", 1000)) }), ErrTooLarge, "larger than"},
	"one byte at a time": {hostileRefs(func(w io.Writer) {
		for i := 0; ; i++ {
			line := packets(someID + " refs/heads/main")
			if _, err := io.WriteString(w, line[i%len(line):i%len(line)+1]); err != nil {
				return
			}
			flushed(w)
			time.Sleep(50 * time.Millisecond)
			if i >= len(line)-2 {
				i = -1
			}
		}
	}), ErrUnreachable, "did not answer in time"},
	"redirect to metadata":     {redirectingTo("http://169.254.169.254/latest"), ErrNotAllowed, "169.254.169.254 is link-local"},
	"redirect to another host": {redirectedWithCredentials, ErrAuthentication, "to which its credentials are not sent"},
	"pack bomb": {hostilePack(func(w io.Writer) {
		sendPack(w, hugeObject(3, 1<<30))
	}), ErrTooLarge, "is larger than"},
	"bomb of deltas":              {deltaBomb, ErrTooLarge, "are larger than"},
	"tree a million entries wide": {wideTree, ErrTooLarge, "a directory of the commit"},
	"manifest of 1 GiB":           {hugeManifest, ErrTooLarge, `"toolforge.yaml" in commit`},
	"refs with hostile names":     {hostileNames, ErrNoRef, `branch or tag "main" does not exist`},
	"HTML":                        {hostileAs("text/html", "<html>please log in</html>"), ErrProtocol, "is not a git repository"},
	"HTML that says it is git":    {hostileAs(typeResult, "<html>please log in</html>"), ErrProtocol, ""},
	"untrusted certificate":       {untrusted, ErrUnreachable, "not trusted"},
	"silence":                     {hostileRefs(func(io.Writer) { time.Sleep(5 * time.Second) }), ErrUnreachable, "did not answer in time"},
	"silence over SSH": {func(t *testing.T) Repository {
		return sshStandIn(t, func(ssh.Channel) { time.Sleep(5 * time.Second) })
	}, ErrUnreachable, "did not answer in time"},
	"endless over SSH": {func(t *testing.T) Repository {
		return sshStandIn(t, func(c ssh.Channel) { endless(c, packets(someID+" refs/heads/x")) })
	}, ErrTooLarge, "larger than"},
}

var someID = strings.Repeat("a", 40)

// hostileOptions bound what is asked so that the tests are quick.
func hostileOptions() ClientOptions {
	return ClientOptions{Timeout: 2 * time.Second, MaxRefs: 4 << 20, MaxPack: 8 << 20}
}

// readManifest is what the daemon does with a repository.
func readManifest(ctx context.Context, client *Client, repo Repository) error {
	commit, err := client.Resolve(ctx, repo)
	if err != nil {
		return err
	}
	snapshot, err := client.Open(ctx, repo, commit)
	if err != nil {
		return err
	}
	_, err = snapshot.ReadFile(ctx, "toolforge.yaml", 1<<20)
	return err
}

// Each ends in a bounded time, with an error that says what is wrong.
func TestHostileHost(t *testing.T) {
	for name, host := range hostileHosts {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opts := hostileOptions()
			if host.want != ErrUnreachable {
				opts.Timeout = time.Minute // it is not the time that ends it
			}
			err := readManifest(ctx, newLocalClient(opts), host.serve(t))
			if !errors.Is(err, host.want) || !strings.Contains(err.Error(), host.says) {
				t.Fatalf("got %v, want %v that says %q", err, host.want, host.says)
			}
			if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x00\x1b\n") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("not an error for a maintainer: %q", err)
			}
		})
	}
}

// All at once, beside a good one, which is polled on time; the memory is bounded, and each error is on its own repository.
func TestHostileHosts(t *testing.T) {
	good := newGitServer(t).create(t, "good")
	want := good.commit(map[string]string{"toolforge.yaml": "good"})
	var mu sync.Mutex
	polls := 0
	client := newLocalClient(hostileOptions())
	read := func(ctx context.Context, snapshot *Snapshot, _ string) (string, error) {
		data, err := snapshot.ReadFile(ctx, "toolforge.yaml", 1<<20)
		return string(data), err
	}
	poller := NewPoller(counting{client, func(repo Repository) {
		mu.Lock()
		defer mu.Unlock()
		if repo.URL == good.url {
			polls++
		}
	}}, read, func(string) {}, PollerOptions{Timeout: 4 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = poller.Start(ctx)
	}()
	defer func() { cancel(); <-ended }()

	for name, host := range hostileHosts {
		poller.Watch(name, host.serve(t), "", time.Second)
	}
	poller.Watch("good", good.at("main"), "", time.Second)
	names := slices.Collect(maps.Keys(hostileHosts))
	peak := uint64(0)
	waitFor(t, func() bool {
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		peak = max(peak, memory.HeapInuse)
		mu.Lock()
		enough := polls >= 3
		mu.Unlock()
		return enough && !slices.ContainsFunc(names, func(name string) bool {
			_, polled := poller.Latest(name)
			return !polled
		})
	})
	for _, name := range names {
		latest, _ := poller.Latest(name)
		if host := hostileHosts[name]; latest.Err == nil || !errors.Is(latest.Err, host.want) && !errors.Is(latest.Err, ErrUnreachable) {
			t.Errorf("%s: got %v, want %v", name, latest.Err, host.want)
		}
	}
	if latest, _ := poller.Latest("good"); latest.Err != nil || latest.Commit != want || latest.Value != "good" {
		t.Errorf("the good one: %+v", latest)
	}
	// The servers, which are in this process, have the tree of a million entries and the like in memory too.
	if peak > 700<<20 {
		t.Errorf("%d MiB of memory", peak>>20)
	}
	t.Logf("at most %d MiB of memory, with the servers'", peak>>20)
}

// waitFor waits a long time at most.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come to that")
		}
	}
}

// counting tells of each Resolve.
type counting struct {
	*Client
	resolved func(Repository)
}

func (c counting) Resolve(ctx context.Context, repo Repository) (string, error) {
	commit, err := c.Client.Resolve(ctx, repo)
	if err == nil {
		c.resolved(repo)
	}
	return commit, err
}

func flushed(w io.Writer) {
	if w, ok := w.(http.ResponseWriter); ok {
		_ = http.NewResponseController(w).Flush()
	}
}

// hostileRefs answers ls-refs with what answer writes.
func hostileRefs(answer func(w io.Writer)) func(*testing.T) Repository {
	return func(t *testing.T) Repository {
		return hostile(t, func(w http.ResponseWriter, r *http.Request) {
			_ = readAll(r)
			answer(w)
		})
	}
}

// hostilePack answers ls-refs well, and fetch with what answer writes after the begin of a pack's section.
func hostilePack(answer func(w io.Writer)) func(*testing.T) Repository {
	return hostileFetch(func(w io.Writer, _ string) { answer(w) })
}

func hostileFetch(answer func(w io.Writer, request string)) func(*testing.T) Repository {
	return func(t *testing.T) Repository {
		return hostile(t, func(w http.ResponseWriter, r *http.Request) {
			request := readAll(r)
			if strings.Contains(request, "command=ls-refs") {
				fmt.Fprint(w, packets(someID+" refs/heads/main", ""))
				return
			}
			fmt.Fprint(w, packets("packfile"))
			answer(w, request)
		})
	}
}

// oldRefs answers the request for capabilities, and nothing else.
func oldRefs(answer func(w io.Writer)) func(*testing.T) Repository {
	return func(t *testing.T) Repository {
		return standIn(t, httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet {
				http.Error(w, "ask first", http.StatusBadRequest)
				return
			}
			w.Header().Set("Content-Type", typeAdvertisement)
			answer(w)
		})))
	}
}

func standIn(t *testing.T, server *httptest.Server) Repository {
	t.Cleanup(server.Close)
	return Repository{URL: server.URL + "/tool", Ref: "main"}
}

func redirectingTo(location string) func(*testing.T) Repository {
	return func(t *testing.T) Repository {
		return standIn(t, httptest.NewServer(http.RedirectHandler(location, http.StatusFound)))
	}
}

func redirectedWithCredentials(t *testing.T) Repository {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent to another host")
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(other.Close)
	repo := redirectingTo(other.URL + "/tool/info/refs")(t)
	repo.Credentials = &Credentials{Username: "me", Password: "s3cret"}
	return repo
}

func hostileAs(contentType, body string) func(*testing.T) Repository {
	return func(t *testing.T) Repository {
		return standIn(t, httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			fmt.Fprint(w, body)
		})))
	}
}

func untrusted(t *testing.T) Repository {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	return standIn(t, server)
}

// hostileNames has refs whose names are no names, and none that is asked for.
func hostileNames(t *testing.T) Repository {
	return hostileRefs(func(w io.Writer) {
		for _, name := range []string{"refs/heads/main\x1b[31m", "refs/heads/main\x00x", "refs/heads/main^{}", "refs/heads/../../main", "refs/heads/main/", "REFS/HEADS/MAIN",
			"refs/heads/feature/main", strings.Repeat("refs/heads/main", 4000), "refs/heads/main\u202e", "refs/heads/main\\"} {
			fmt.Fprint(w, packets(someID+" "+name))
		}
		fmt.Fprint(w, "0000")
	})(t)
}

// deltaBomb has objects that each make 16 MiB of a few bytes.
func deltaBomb(t *testing.T) Repository {
	zeros := make([]byte, 8<<20)
	id := plumbing.ComputeHash(plumbing.BlobObject, zeros)
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, 8<<20), 16<<20)
	delta = append(delta, bytes.Repeat([]byte{0xf0, 0, 0, 0x80}, 2)...) // twice the base: 8 MiB from 0
	objects := [][]byte{packObject(3, int64(len(zeros)), "", zeros)}
	for range 100 {
		objects = append(objects, packObject(7, int64(len(delta)), string(id[:]), delta))
	}
	return hostilePack(func(w io.Writer) { sendPack(w, objects...) })(t)
}

func wideTree(t *testing.T) Repository {
	var tree bytes.Buffer
	for i := range 1_000_000 {
		fmt.Fprintf(&tree, "100644 f%07d\x00aaaaaaaaaaaaaaaaaaaa", i)
	}
	object := packObject(2, int64(tree.Len()), "", tree.Bytes())
	return hostilePack(func(w io.Writer) { sendPack(w, object) })(t)
}

// hugeManifest is a commit of which only the toolforge.yaml is large.
func hugeManifest(t *testing.T) Repository {
	var blob plumbing.Hash
	copy(blob[:], "the huge toolforge.yaml")
	tree := append([]byte("100644 toolforge.yaml\x00"), blob[:]...)
	commit := []byte("tree " + plumbing.ComputeHash(plumbing.TreeObject, tree).String() + "\n\nhuge\n")
	id := plumbing.ComputeHash(plumbing.CommitObject, commit).String()
	return hostile(t, func(w http.ResponseWriter, r *http.Request) {
		request := readAll(r)
		switch {
		case strings.Contains(request, "command=ls-refs"):
			fmt.Fprint(w, packets(id+" refs/heads/main", ""))
		case strings.Contains(request, id):
			fmt.Fprint(w, packets("packfile"))
			sendPack(w, packObject(1, int64(len(commit)), "", commit), packObject(2, int64(len(tree)), "", tree))
		default:
			fmt.Fprint(w, packets("packfile"))
			sendPack(w, hugeObject(3, 1<<30))
		}
	})
}

// hugeObject says how large it is, and has some of it.
func hugeObject(kind byte, length int64) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	zeros := make([]byte, 1<<20)
	for range 16 {
		_, _ = w.Write(zeros)
	}
	_ = w.Flush()
	return append(packObject(kind, length, "", nil)[:5], z.Bytes()...)
}

// sendPack writes a pack in packets.
func sendPack(w io.Writer, objects ...[]byte) {
	data := pack(objects...)
	for part := range slices.Chunk(data, 60_000) {
		if _, err := fmt.Fprintf(w, "%04x\x01%s", len(part)+5, part); err != nil {
			return
		}
	}
	fmt.Fprint(w, "0000")
}
