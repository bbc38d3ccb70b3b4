package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/toolforge/toolforged/sources"
)

// maxAddresses bounds how many addresses of repositories are taken from one webhook.
const maxAddresses = 16

// forge is a kind of webhook.
type forge struct {
	// shows tells whether a request shows that its sender knows the secret. It compares in constant time.
	shows func(r *http.Request, body, secret []byte) bool
	// read says what was pushed to. An event that is about no repository gives none.
	read func(body []byte) (named, error)
}

// named is what a webhook names: addresses of one or more repositories, or a project of the forge that sent it.
type named struct {
	addresses []string
	project   string
}

// forges are the kinds of webhooks, by the last part of the path.
var forges = map[string]forge{
	"gitlab":  {shows: token("X-Gitlab-Token"), read: readGitLab},
	"github":  {shows: signature("X-Hub-Signature-256", "sha256="), read: readGitHub},
	"gitea":   {shows: signature("X-Gitea-Signature", ""), read: readGitea},
	"forgejo": {shows: signature("X-Forgejo-Signature", ""), read: readGitea},
	"gerrit":  {shows: parameter("token"), read: readGerrit},
	"generic": {shows: signature("X-Signature-256", "sha256="), read: readGeneric},
}

// signature is the HMAC-SHA256 of the body in hexadecimal, in a header.
func signature(header, prefix string) func(*http.Request, []byte, []byte) bool {
	return func(r *http.Request, body, secret []byte) bool {
		text, prefixed := strings.CutPrefix(r.Header.Get(header), prefix)
		got, err := hex.DecodeString(text)
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		return hmac.Equal(got, mac.Sum(nil)) && prefixed && err == nil
	}
}

// token is the secret itself, in a header.
func token(header string) func(*http.Request, []byte, []byte) bool {
	return func(r *http.Request, _, secret []byte) bool { return same(r.Header.Get(header), secret) }
}

// parameter is the secret itself, in the address: for a forge that can send it nowhere else.
func parameter(name string) func(*http.Request, []byte, []byte) bool {
	return func(r *http.Request, _, secret []byte) bool { return same(r.URL.Query().Get(name), secret) }
}

// same compares in a time that tells nothing, not even a length.
func same(got string, secret []byte) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func readGitLab(body []byte) (named, error) {
	var event struct {
		Project struct {
			HTTP string `json:"git_http_url"`
			SSH  string `json:"git_ssh_url"`
			Web  string `json:"web_url"`
		} `json:"project"`
		Repository struct {
			HTTP string `json:"git_http_url"`
			SSH  string `json:"git_ssh_url"`
		} `json:"repository"`
	}
	if err := decode(body, &event); err != nil {
		return named{}, err
	}
	return named{addresses: known(event.Project.HTTP, event.Project.SSH, event.Project.Web, event.Repository.HTTP, event.Repository.SSH)}, nil
}

// hosted is a repository as GitHub, Gitea and Forgejo describe it.
type hosted struct {
	Repository struct {
		Clone string `json:"clone_url"`
		SSH   string `json:"ssh_url"`
		HTML  string `json:"html_url"`
	} `json:"repository"`
}

func readGitHub(body []byte) (named, error) {
	if form, ok := strings.CutPrefix(string(body), "payload="); ok { // application/x-www-form-urlencoded, GitHub's default
		form, _, _ = strings.Cut(form, "&")
		payload, err := url.QueryUnescape(form)
		if err != nil {
			return named{}, fmt.Errorf("unescape the payload: %w", err)
		}
		body = []byte(payload)
	}
	return readGitea(body)
}

func readGitea(body []byte) (named, error) {
	var event hosted
	if err := decode(body, &event); err != nil {
		return named{}, err
	}
	return named{addresses: known(event.Repository.Clone, event.Repository.SSH, event.Repository.HTML)}, nil
}

// readGerrit reads an event as Gerrit streams it, which says which project it is about and not where that is.
func readGerrit(body []byte) (named, error) {
	var event struct {
		RefUpdate struct {
			Project string `json:"project"`
		} `json:"refUpdate"`
		Change struct {
			Project string `json:"project"`
		} `json:"change"`
		RefUpdates []struct {
			Project string `json:"project"`
		} `json:"refUpdates"`
	}
	if err := decode(body, &event); err != nil {
		return named{}, err
	}
	switch {
	case event.RefUpdate.Project != "":
		return named{project: event.RefUpdate.Project}, nil
	case event.Change.Project != "":
		return named{project: event.Change.Project}, nil
	case len(event.RefUpdates) > 0: // of one project
		return named{project: event.RefUpdates[0].Project}, nil
	}
	return named{}, nil
}

func readGeneric(body []byte) (named, error) {
	var event struct {
		Repository   string   `json:"repository"`
		Repositories []string `json:"repositories"`
	}
	if err := decode(body, &event); err != nil {
		return named{}, err
	}
	return named{addresses: known(append([]string{event.Repository}, event.Repositories...)...)}, nil
}

var errNotAnObject = errors.New("not a JSON object")

func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %w", errNotAnObject, err)
	}
	return nil
}

// known leaves out what is empty, and what is too much.
func known(addresses ...string) []string {
	var found []string
	for _, address := range addresses {
		if address != "" && len(found) < maxAddresses {
			found = append(found, address)
		}
	}
	return found
}

// places are those of what is named that the secret is for.
func (n named) places(host string) []sources.Place {
	if n.project != "" {
		return []sources.Place{sources.PlaceBelow(host, n.project)}
	}
	var places []sources.Place
	for _, address := range n.addresses {
		if place, ok := sources.PlaceOf(address); ok && (host == "" || place.Host == host) {
			places = append(places, place)
		}
	}
	return places
}
