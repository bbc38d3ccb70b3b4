package sources

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// What a real answer says of how busy its server is reaches the Poller, in an error with a message.
func TestAnswersThatAskForAPause(t *testing.T) {
	for _, test := range []struct {
		status     int
		retryAfter string
		busy       bool
		want       time.Duration
	}{
		{429, "120", true, 2 * time.Minute},
		{429, "", true, 0},
		{503, "7", true, 7 * time.Second},
		{503, "", false, 0},
		{403, "60", true, time.Minute},
		{403, "", false, 0},
		{500, "60", false, 0},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if test.retryAfter != "" {
				w.Header().Set("Retry-After", test.retryAfter)
			}
			w.WriteHeader(test.status)
		}))
		repo := Repository{URL: server.URL + "/tool.git", Ref: "main"}
		_, err := newLocalClient(ClientOptions{}).Resolve(t.Context(), repo)
		var busy *busyError
		if err == nil || errors.As(err, &busy) != test.busy {
			t.Errorf("%d %q: %v", test.status, test.retryAfter, err)
		}
		if busy != nil {
			if busy.host != repo.host() || !errors.Is(err, ErrUnreachable) {
				t.Errorf("%d: %v of %s, want %s", test.status, err, busy.host, repo.host())
			}
			if wait, ok := busy.wait(time.Now()); wait != test.want || ok != (test.retryAfter != "") {
				t.Errorf("%d %q: %s, %t", test.status, test.retryAfter, wait, ok)
			}
		}
		server.Close()
	}
}
