package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

const webhookSecret = "a secret of sixteen bytes or more"

// Two replicas, one of which leads, and a tool that is asked every hour. A webhook that the other one gets has the leader
// ask at once; what is not signed has not. Both tell how the tool is polled.
func TestWebhookToAReplicaThatDoesNotLead(t *testing.T) {
	s := startServer(t)
	var asked atomic.Int64
	forge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer forge.Close()
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "default"), []byte(webhookSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--webhook-secrets=" + secrets, "--peer-address=127.0.0.1", "--git-addresses=127.0.0.1"}
	first, second := s.startReplica(t, flags...), s.startReplica(t, flags...)
	first.untilReady(t)
	second.untilReady(t)
	s.untilHeld(t, "")
	tool := &api.Tool{
		ObjectMeta: metav1.ObjectMeta{Name: "hooked"},
		Spec:       api.ToolSpec{Repository: forge.URL + "/group/hooked.git", Interval: metav1.Duration{Duration: time.Hour}},
	}
	if err := s.client.Create(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	s.untilReason(t, tool, api.ReasonRepositoryFailed)
	leader, follower := first, second
	if !first.leads(t) {
		leader, follower = second, first
	}

	body := `{"repository":{"clone_url":"` + strings.ToUpper(forge.URL) + `/Group/hooked"}}`
	post := func(r *replica, signature string) int {
		t.Helper()
		request, err := http.NewRequest(http.MethodPost, "http://"+r.address+"/webhook/github", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Hub-Signature-256", signature)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	signature := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	for name, r := range map[string]*replica{"leader": leader, "follower": follower} {
		time.Sleep(time.Second) // a repository is asked once a second at most
		before := asked.Load()
		for _, wrong := range []string{"", "sha256=", "sha256=" + strings.Repeat("0", 64)} {
			if code := post(r, wrong); code != http.StatusUnauthorized {
				t.Errorf("%s: signature %q is answered %d", name, wrong, code)
			}
		}
		if now := asked.Load(); now != before {
			t.Errorf("%s: a refused webhook had the repository asked", name)
		}
		began := time.Now()
		if code := post(r, signature); code != http.StatusAccepted {
			t.Fatalf("%s: answered %d", name, code)
		}
		until(t, "the repository to be asked", func() bool { return asked.Load() > before })
		t.Logf("posted to the %s: asked after %s", name, time.Since(began).Round(time.Millisecond))

		var all status.Polling
		r.read(t, status.PollingPath, &all)
		if len(all.Shards) != 1 || !all.Shards[0].Known || all.Shards[0].Repositories != 1 || len(all.Hosts) != 1 || len(all.MostBehind) != 1 {
			t.Errorf("%s: polling is %+v", name, all)
		}
		var polls status.PollList
		r.read(t, status.ToolPollingPath("hooked"), &polls)
		if len(polls.Polls) != 1 || polls.Polls[0].AskedAt == nil || polls.Polls[0].Error == "" {
			t.Errorf("%s: the tool's polls are %+v", name, polls)
		}
		if code := r.visit("polling"); code != http.StatusOK {
			t.Errorf("%s: /polling is answered %d", name, code)
		}
	}
	// The follower says nothing of its own.
	var here status.Polling
	if follower.read(t, status.PollingPath+"?here=1", &here); len(here.Shards) != 0 {
		t.Errorf("the follower alone: %+v", here)
	}
}

func (r *replica) read(t *testing.T, path string, into any) {
	t.Helper()
	response, err := http.Get("http://" + r.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v: %s", path, err, data)
	}
}
