package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/toolforge/toolforged/sources"
)

const (
	secret    = "platform-wide-secret"
	hosts     = "secret-of-one-forge"
	retired   = "the-secret-that-was-before"
	stranger  = "a-stranger's-guess-at-it"
	forgeHost = "forge.example"
)

func sum(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// sign has a request show the secret, as the forge does.
func sign(r *http.Request, forge, secret, body string) {
	switch forge {
	case "gitlab":
		r.Header.Set("X-Gitlab-Token", secret)
	case "github":
		r.Header.Set("X-Hub-Signature-256", "sha256="+sum(secret, body))
	case "gitea":
		r.Header.Set("X-Gitea-Signature", sum(secret, body))
	case "forgejo":
		r.Header.Set("X-Forgejo-Signature", sum(secret, body))
	case "gerrit":
		r.URL.RawQuery = "token=" + secret
	case "generic":
		r.Header.Set("X-Signature-256", "sha256="+sum(secret, body))
	}
}

// What forges send when a branch was pushed to, as short as it can be.
var pushes = map[string]string{
	"gitlab":  `{"object_kind":"push","ref":"refs/heads/main","project":{"name":"Tool","web_url":"https://forge.example/group/tool","git_ssh_url":"git@forge.example:group/tool.git","git_http_url":"https://forge.example/group/tool.git"}}`,
	"github":  `{"ref":"refs/heads/main","repository":{"clone_url":"https://forge.example/group/tool.git","ssh_url":"git@forge.example:group/tool.git","html_url":"https://forge.example/group/tool"}}`,
	"gitea":   `{"ref":"refs/heads/main","repository":{"clone_url":"https://forge.example/group/tool.git","ssh_url":"ssh://git@forge.example:2222/group/tool.git","html_url":"https://forge.example/group/tool"}}`,
	"forgejo": `{"ref":"refs/heads/main","repository":{"clone_url":"https://forge.example/group/tool.git"}}`,
	"gerrit":  `{"type":"ref-updated","refUpdate":{"project":"group/tool","refName":"refs/heads/main","oldRev":"0","newRev":"1"},"eventCreatedOn":1}`,
	"generic": `{"repository":"https://forge.example/group/tool.git"}`,
}

type rig struct {
	*Handler
	delivered chan Delivery
	counted   []string
}

func newRig(secrets ...Secret) *rig {
	r := &rig{delivered: make(chan Delivery, 1000)}
	r.Handler = New(Options{
		Secrets: func() []Secret { return secrets },
		Deliver: func(_ context.Context, d Delivery) { r.delivered <- d },
		Count:   func(forge, outcome string) { r.counted = append(r.counted, forge+" "+outcome) },
	})
	return r
}

func (r *rig) post(forge, secret, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPost, Path+forge, strings.NewReader(body))
	if secret != "" {
		sign(request, forge, secret, body)
	}
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	return answer
}

func TestForges(t *testing.T) {
	place, _ := sources.PlaceOf("https://forge.example/group/tool")
	for name, body := range pushes {
		t.Run(name, func(t *testing.T) {
			rig := newRig(NewSecret("", retired), NewSecret("", secret))
			go func() { _ = rig.Start(t.Context()) }()
			for _, known := range []string{secret, retired} {
				if answer := rig.post(name, known, body); answer.Code != http.StatusAccepted {
					t.Fatalf("answered %d %s", answer.Code, answer.Body)
				}
				want := place
				if name == "gerrit" {
					want = sources.PlaceBelow("", "group/tool")
				}
				if d := <-rig.delivered; d.Forge != name || d.HandedOn || !slices.Contains(d.Places, want) {
					t.Errorf("delivered %+v", d.Places)
				}
			}
			for what, send := range map[string]func() *httptest.ResponseRecorder{
				"a wrong secret": func() *httptest.ResponseRecorder { return rig.post(name, stranger, body) },
				"none":           func() *httptest.ResponseRecorder { return rig.post(name, "", body) },
				"half of one":    func() *httptest.ResponseRecorder { return rig.post(name, secret[:8], body) },
			} {
				if answer := send(); answer.Code != http.StatusUnauthorized || answer.Body.String() != "unauthorized\n" {
					t.Errorf("%s: answered %d %s", what, answer.Code, answer.Body)
				}
			}
			if !slices.Contains(rig.counted, name+" refused") || !slices.Contains(rig.counted, name+" accepted") {
				t.Errorf("counted %q", rig.counted)
			}
		})
	}
}

// A body that was changed is not what was signed.
func TestForged(t *testing.T) {
	for name, body := range pushes {
		if name == "gitlab" || name == "gerrit" {
			continue // which show the secret itself
		}
		rig := newRig(NewSecret("", secret))
		request := httptest.NewRequest(http.MethodPost, Path+name, strings.NewReader(body+" "))
		sign(request, name, secret, body)
		answer := httptest.NewRecorder()
		rig.ServeHTTP(answer, request)
		if answer.Code != http.StatusUnauthorized {
			t.Errorf("%s: answered %d", name, answer.Code)
		}
	}
}

// The secret of one host hastens nothing elsewhere, and no secret at all lets nobody in.
func TestSecretsOfHosts(t *testing.T) {
	rig := newRig(NewSecret("Forge.Example", hosts), NewSecret("other.example", secret))
	go func() { _ = rig.Start(t.Context()) }()
	if answer := rig.post("github", hosts, pushes["github"]); answer.Code != http.StatusAccepted {
		t.Errorf("answered %d", answer.Code)
	}
	if d := <-rig.delivered; len(d.Places) == 0 || d.Places[0].Host != forgeHost {
		t.Errorf("delivered %+v", d.Places)
	}
	if answer := rig.post("github", secret, pushes["github"]); answer.Code != http.StatusAccepted || answer.Body.String() != "nothing to do\n" {
		t.Errorf("another host's: answered %d %s", answer.Code, answer.Body)
	}
	if answer := rig.post("gerrit", hosts, pushes["gerrit"]); answer.Code != http.StatusAccepted {
		t.Errorf("answered %d", answer.Code)
	}
	if d := <-rig.delivered; !slices.Equal(d.Places, []sources.Place{sources.PlaceBelow(forgeHost, "group/tool")}) {
		t.Errorf("delivered %+v", d.Places)
	}
	for name, body := range pushes {
		if answer := newRig().post(name, "", body); answer.Code != http.StatusUnauthorized {
			t.Errorf("%s: answered %d", name, answer.Code)
		}
		if answer := newRig(Secret{}).post(name, "", body); answer.Code != http.StatusUnauthorized {
			t.Errorf("%s, with an empty secret: answered %d", name, answer.Code)
		}
	}
}

func TestOddRequests(t *testing.T) {
	rig := newRig(NewSecret("", secret))
	for _, test := range []struct {
		name, forge, body string
		want              int
	}{
		{"a ping", "github", `{"zen":"x","hook":{}}`, 202},
		{"not JSON", "github", `<html>`, 400},
		{"another JSON", "github", `[]`, 400},
		{"nothing", "github", ``, 400},
		{"another type", "gitlab", `{"project":{"git_http_url":7}}`, 400},
		{"a form", "github", "payload=%7B%22repository%22%3A%7B%22clone_url%22%3A%22https%3A%2F%2Fforge.example%2Fa%22%7D%7D&x=y", 202},
		{"a wrong form", "github", "payload=%zz", 400},
		{"many", "generic", `{"repositories":[` + strings.Repeat(`"https://forge.example/a",`, 1000) + `""]}`, 202},
		{"no URL", "generic", `{"repository":"nowhere"}`, 202},
		{"too large", "generic", `{"repository":"` + strings.Repeat("x", MaxBody) + `"}`, 413},
		{"unknown", "sourceforge", `{}`, 404},
		{"below", "github/x", `{}`, 404},
	} {
		if answer := rig.post(test.forge, secret, test.body); answer.Code != test.want {
			t.Errorf("%s: answered %d %s, want %d", test.name, answer.Code, answer.Body, test.want)
		}
	}
	for len(rig.queue) > 0 {
		if d := <-rig.queue; len(d.Places) > maxAddresses {
			t.Errorf("%d places", len(d.Places))
		}
	}
	request := httptest.NewRequest(http.MethodGet, Path+"github", nil)
	answer := httptest.NewRecorder()
	if rig.ServeHTTP(answer, request); answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: answered %d", answer.Code)
	}
	// A body whose length is not told is read no further than it may be.
	endless := &counted{}
	request = httptest.NewRequest(http.MethodPost, Path+"generic", endless)
	request.ContentLength = -1
	answer = httptest.NewRecorder()
	if rig.ServeHTTP(answer, request); answer.Code != http.StatusRequestEntityTooLarge || endless.n > 2*MaxBody {
		t.Errorf("endless: answered %d after %d bytes", answer.Code, endless.n)
	}
}

type counted struct{ n int }

func (c *counted) Read(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}

// The answer comes before delivery, and while nothing can be delivered, so many are kept and no more.
func TestBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rig := newRig(NewSecret("", secret))
		codes := map[int]int{}
		for range 1000 {
			codes[rig.post("github", secret, pushes["github"]).Code]++
		}
		if codes[http.StatusAccepted] != burst || codes[http.StatusTooManyRequests] != 1000-burst {
			t.Errorf("at once: answered %v", codes)
		}
		time.Sleep(time.Minute)
		for range 100 {
			codes[rig.post("github", secret, pushes["github"]).Code]++
		}
		if codes[http.StatusAccepted] != queued {
			t.Errorf("nothing is delivered: answered %v", codes)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = rig.Start(ctx) }()
		synctest.Wait()
		if n := len(rig.delivered); n != queued {
			t.Errorf("%d were delivered", n)
		}
		cancel()
	})
}

// What is handed on is verified again, and not handed on again.
func TestHandOn(t *testing.T) {
	leader := newRig(NewSecret("", secret))
	server := httptest.NewServer(leader)
	defer server.Close()
	go func() { _ = leader.Start(t.Context()) }()
	for name, body := range pushes {
		follower := newRig(NewSecret("", secret))
		if answer := follower.post(name, secret, body); answer.Code != http.StatusAccepted {
			t.Fatalf("answered %d", answer.Code)
		}
		request, err := (<-follower.queue).HandOn(t.Context(), server.URL)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil || answer.StatusCode != http.StatusAccepted {
			t.Fatalf("%s: %v, %v", name, answer, err)
		}
		answer.Body.Close()
		if d := <-leader.delivered; !d.HandedOn || d.Forge != name || len(d.Places) == 0 {
			t.Errorf("%s: delivered %+v", name, d)
		}
	}
	if _, err := (Delivery{Forge: "gerrit", query: "token=" + secret}).HandOn(t.Context(), "http://[::1"); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("error %v", err)
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "..2026"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("default", secret+"\n\n  "+retired+"\n")
	write("Forge.example", hosts)
	var log bytes.Buffer
	d, err := NewDirectory(dir, func() time.Time { return now }, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Secret{NewSecret(forgeHost, hosts), NewSecret("", secret), NewSecret("", retired)}
	if got := d.Secrets(); !slices.EqualFunc(got, want, equal) {
		t.Errorf("got %v", got)
	}
	write("default", stranger)
	if got := d.Secrets(); len(got) != 3 {
		t.Errorf("read again at once: %v", got)
	}
	now = now.Add(readAgain)
	if got := d.Secrets(); !slices.EqualFunc(got, []Secret{want[0], NewSecret("", stranger)}, equal) {
		t.Errorf("got %v", got)
	}
	for name, text := range map[string]string{"short": "secret", "large": strings.Repeat("x", maxFile+1), "many": strings.Repeat(secret+"\n", maxSecrets+1)} {
		write(name, text)
		if _, err := NewDirectory(dir, time.Now, slog.Default()); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
		now = now.Add(readAgain)
		if got := d.Secrets(); len(got) != 2 {
			t.Errorf("%s: %v, want those of before", name, got)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewDirectory(filepath.Join(dir, "none"), time.Now, slog.Default()); err == nil {
		t.Error("a directory that is not there")
	}
	if log.Len() == 0 || strings.Contains(log.String(), secret) {
		t.Errorf("logged %s", &log)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, want); strings.Contains(text, secret) || strings.Contains(text, hosts) {
			t.Errorf("%s shows it: %s", format, text)
		}
	}
}

func equal(a, b Secret) bool { return a.Host == b.Host && string(a.value) == string(b.value) }

// Whatever is sent, no reader fails other than by an error, and what it names is bounded.
func FuzzForges(f *testing.F) {
	for name, body := range pushes {
		f.Add(name, []byte(body))
	}
	f.Add("github", []byte("payload=%7B%7D"))
	f.Add("gerrit", []byte(`{"refUpdates":[{"project":"/"}],"change":{"project":".git"}}`))
	f.Add("generic", []byte(`{"repositories":[":","a@b:c","https://[::1]/x"]}`))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		forge, known := forges[name]
		if !known {
			return
		}
		read, err := forge.read(body)
		if err != nil && (read.project != "" || read.addresses != nil) {
			t.Errorf("read %+v in spite of %v", read, err)
		}
		for _, host := range []string{"", forgeHost} {
			places := read.places(host)
			if len(places) > maxAddresses {
				t.Errorf("%d places", len(places))
			}
			for _, place := range places {
				if host != "" && place.Host != host {
					t.Errorf("place %+v with the secret of %s", place, host)
				}
			}
		}
		r := httptest.NewRequest(http.MethodPost, Path+name, io.NopCloser(bytes.NewReader(body)))
		r.Header.Set("X-Hub-Signature-256", string(body))
		if forge.shows(r, body, []byte(secret)) {
			t.Error("it shows a secret that it does not know")
		}
	})
}
