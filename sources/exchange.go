package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

const (
	typeAdvertisement = "application/x-git-upload-pack-advertisement"
	typeRequest       = "application/x-git-upload-pack-request"
	typeResult        = "application/x-git-upload-pack-result"

	maxRedirects = 5
	maxDrain     = 16 << 10
)

// post sends one command to git-upload-pack under base and returns the answer's body, bounded to max bytes.
func (c *Client) post(ctx context.Context, repo Repository, base string, command []byte, max int64) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/git-upload-pack", bytes.NewReader(command))
	if err != nil {
		return nil, failf(ErrInvalid, err, "the repository's URL %s cannot be asked", displayURL(repo.URL))
	}
	req.Header.Set("Content-Type", typeRequest)
	req.Header.Set("Accept", typeResult)
	resp, err := c.send(req, repo)
	if err != nil {
		return nil, err
	}
	if err := checkAnswer(resp, repo, typeResult); err != nil {
		drain(resp.Body)
		return nil, err
	}
	return &boundedBody{body: resp.Body, left: max, repo: repo, max: max}, nil
}

// infoRefs is the path, under a repository's address, of its capabilities.
const infoRefs = "/info/refs"

// get asks for the capabilities of the repository, following redirects, and returns the answer's body and the base
// address that answered.
func (c *Client) get(ctx context.Context, repo Repository, max int64) (io.ReadCloser, string, error) {
	address := strings.TrimRight(repo.URL, "/") + infoRefs + "?service=git-upload-pack"
	for range maxRedirects + 1 {
		resp, final, err := c.getOnce(ctx, repo, address)
		if err != nil {
			return nil, "", err
		}
		if location := resp.Header.Get("Location"); isRedirect(resp.StatusCode) && location != "" {
			drain(resp.Body)
			if address, err = redirected(repo, final, location); err != nil {
				return nil, "", err
			}
			continue
		}
		base, err := checkAdvertisement(resp, repo, final)
		if err != nil {
			drain(resp.Body)
			return nil, "", err
		}
		return &boundedBody{body: resp.Body, left: max, repo: repo, max: max}, base, nil
	}
	return nil, "", failf(ErrProtocol, nil, "%s redirects more than %d times", displayURL(repo.URL), maxRedirects)
}

func (c *Client) getOnce(ctx context.Context, repo Repository, address string) (*http.Response, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, failf(ErrInvalid, err, "the repository's URL %s cannot be asked", displayURL(repo.URL))
	}
	req.Header.Set("Accept", typeAdvertisement)
	resp, err := c.send(req, repo)
	return resp, req.URL, err
}

// checkAdvertisement returns the repository's address as the one of its capabilities gives it away.
func checkAdvertisement(resp *http.Response, repo Repository, final *url.URL) (base string, err error) {
	if err := checkAnswer(resp, repo, typeAdvertisement); err != nil {
		return "", err
	}
	base, ok := strings.CutSuffix(displayURL(final.String()), infoRefs)
	if !ok {
		return "", failf(ErrProtocol, nil, "%s redirects to %s, which is not a git repository", displayURL(repo.URL), displayURL(final.String()))
	}
	return base, nil
}

// send refuses what is not allowed, and adds what every request carries. Credentials go to the repository's own host alone.
func (c *Client) send(req *http.Request, repo Repository) (*http.Response, error) {
	if err := c.opts.Allowed.mayAsk(repo, req.URL); err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.opts.UserAgent)
	req.Header.Set("Git-Protocol", "version=2")
	if repo.Credentials != nil && ownHost(repo, req.URL) {
		repo.Credentials.authorize(req)
	}
	transport, err := c.transport(repo)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	if refused := c.opts.Allowed.refusal(repo, req.URL, err); refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, unreachable(repo, err)
	}
	return resp, nil
}

// ownHost says whether u is on the host that the maintainer wrote: the same scheme, host and port, or the step from
// http to https on the usual ports.
func ownHost(repo Repository, u *url.URL) bool {
	own, err := url.Parse(repo.URL)
	if err != nil || !strings.EqualFold(own.Hostname(), u.Hostname()) {
		return false
	}
	if own.Scheme == u.Scheme {
		return port(own) == port(u)
	}
	return own.Scheme == "http" && port(own) == "80" && u.Scheme == "https" && port(u) == "443"
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	case u.Scheme == schemeSSH:
		return "22"
	}
	return "80"
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusPermanentRedirect:
		return true
	}
	return false
}

// redirected is where a redirect leads, when it may be followed.
func redirected(repo Repository, from *url.URL, location string) (string, error) {
	to, err := from.Parse(location)
	if err != nil || to.Hostname() == "" || (to.Scheme != "http" && to.Scheme != "https") || len(location) > maxURL {
		return "", failf(ErrProtocol, nil, "%s redirects to an address that is not http or https", displayURL(repo.URL))
	}
	if from.Scheme == "https" && to.Scheme == "http" {
		return "", failf(ErrProtocol, nil, "%s redirects from https to http, which is not followed", displayURL(repo.URL))
	}
	to.User = nil
	to.Fragment = ""
	return to.String(), nil
}

// errServerFault says that the server failed at this request, and may not at another.
var errServerFault = errors.New("server fault")

// checkAnswer turns an answer that is not a git server's into an error.
func checkAnswer(resp *http.Response, repo Repository, want string) error {
	where := displayURL(repo.URL)
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
	case status == http.StatusForbidden && asksForPause(resp) != nil:
		return failf(ErrUnreachable, asksForPause(resp), "the server of %s answered %d %s, and asks to be left alone for a while", where, status, http.StatusText(status))
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return refusedAccess(resp, repo)
	case status == http.StatusProxyAuthRequired:
		return failf(ErrAuthentication, nil, "the proxy to %s does not accept its user name and password", where)
	case status == http.StatusNotFound || status == http.StatusGone:
		return failf(ErrNotFound, nil, "the repository %s does not exist (the server answered %d)", where, status)
	case status == http.StatusInternalServerError || status == http.StatusNotImplemented:
		return failf(ErrUnreachable, errServerFault, "the server of %s answered %d %s", where, status, http.StatusText(status))
	case status == http.StatusTooManyRequests || status > 500:
		return failf(ErrUnreachable, asksForPause(resp), "the server of %s answered %d %s", where, status, http.StatusText(status))
	default:
		return failf(ErrProtocol, nil, "%s is not a git repository that can be read: the server answered %d %s", where, status, http.StatusText(status))
	}
	if got, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); got != want {
		return failf(ErrProtocol, nil, "%s is not a git repository: the server answered with %.60q", where, got)
	}
	return nil
}

func refusedAccess(resp *http.Response, repo Repository) error {
	where := displayURL(repo.URL)
	switch {
	case repo.Credentials == nil || !repo.Credentials.overHTTP():
		return failf(ErrAuthentication, nil, "the repository %s does not exist, or needs a user name and password", where)
	case resp.Request != nil && !ownHost(repo, resp.Request.URL):
		return failf(ErrAuthentication, nil, "the repository %s redirects to the host %s, to which its credentials are not sent: write the new address", where, resp.Request.URL.Host)
	}
	what := "user name and password"
	if repo.Credentials.BearerToken != "" {
		what = "token"
	}
	return failf(ErrAuthentication, nil, "the server of %s does not accept the %s", where, what)
}

// boundedBody is an answer's body that fails instead of giving more than max bytes.
type boundedBody struct {
	body io.ReadCloser
	left int64
	max  int64
	repo Repository
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, failf(ErrTooLarge, nil, "the answer of %s is larger than %s", displayURL(b.repo.URL), size(b.max))
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreachable(b.repo, err)
	}
	return n, err
}

func (b *boundedBody) Close() error {
	drain(b.body)
	return nil
}

// drain reads the little that may be left, so that the connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxDrain)
	_ = body.Close()
}

// size is n bytes as people write it.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
