package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ErrUnable is returned for what a registry does not do at all, or not for this account: to ask again is of no use.
var ErrUnable = errors.New("the registry does not do that for this account")

const (
	// maxRepositories bounds the repositories of one registry that are listed.
	maxRepositories = 200_000
	// catalogTimeout bounds that: some registries walk through all that they have.
	catalogTimeout = 10 * time.Minute
)

// Behind is what is behind a tag.
type Behind struct {
	// Digest is that of the manifest: sha256:….
	Digest string
	// Index tells that it is not one image but a list of several.
	Index bool
}

// Behind asks what is behind a tag. The error is ErrNotFound when the registry does not have it.
func (c *Client) Behind(ctx context.Context, reference string) (Behind, error) {
	ref, err := c.parse(reference)
	if err != nil {
		return Behind{}, fmt.Errorf("read image reference %q: %w", reference, err)
	}
	ctx, cancel := context.WithTimeout(withPause(ctx), requestTimeout)
	defer cancel()
	head, err := c.puller.Head(ctx, ref)
	if err != nil {
		return Behind{}, explain(ctx, reference, err)
	}
	return Behind{Digest: head.Digest.String(), Index: head.MediaType.IsIndex()}, nil
}

// Remove removes what a reference by digest names, with every tag that leads there. That it is gone already is no error; the
// error is ErrUnable where nothing is ever removed.
func (c *Client) Remove(ctx context.Context, reference string) error {
	ref, err := name.NewDigest(reference)
	if err == nil && ref.RegistryStr() == c.plainHTTP {
		ref, err = name.NewDigest(reference, name.Insecure)
	}
	if err != nil {
		return fmt.Errorf("read reference by digest %q: %w", reference, err)
	}
	ctx, cancel := context.WithTimeout(withPause(ctx), requestTimeout)
	defer cancel()
	switch err := c.pusher.Delete(ctx, ref); {
	case err == nil, missing(err):
		return nil
	case unable(err):
		return fmt.Errorf("remove image %s: %w: it %s", reference, ErrUnable, said(err))
	default:
		return explain(ctx, reference, err)
	}
}

// Repositories lists the repositories below a prefix, host[:port][/path], without it: at most 200,000 of the registry's. The
// error is ErrUnable where they are not listed.
func (c *Client) Repositories(ctx context.Context, prefix string) ([]string, error) {
	host, path, _ := strings.Cut(prefix, "/")
	target, err := name.NewRegistry(host)
	if err == nil && host == c.plainHTTP {
		target, err = name.NewRegistry(host, name.Insecure)
	}
	if err != nil {
		return nil, fmt.Errorf("read the name of a registry, %q: %w", host, err)
	}
	if path != "" {
		path += "/"
	}
	ctx, cancel := context.WithTimeout(withPause(ctx), catalogTimeout)
	defer cancel()
	pages, err := c.puller.Catalogger(ctx, target)
	var below []string
	for seen := 0; err == nil && pages.HasNext() && seen < maxRepositories; {
		page, failure := pages.Next(ctx)
		if err = failure; err != nil {
			break
		}
		seen += len(page.Repos)
		for _, repository := range page.Repos {
			if rest, ok := strings.CutPrefix(repository, path); ok {
				below = append(below, rest)
			}
		}
	}
	if unable(err) || missing(err) || refusedPages(err) {
		return nil, fmt.Errorf("list the repositories of %s: %w: it %s", host, ErrUnable, said(err))
	}
	if err != nil {
		return nil, explain(ctx, prefix, err)
	}
	return below, nil
}

// unable tells whether the registry has answered that it never does what was asked for, or not for this account.
func unable(err error) bool {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, one := range answer.Errors {
		if one.Code == transport.UnsupportedErrorCode {
			return true
		}
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// refusedPages tells whether a registry lists less at once than is usual, and no more.
func refusedPages(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusBadRequest
}

// said are the words for what the registry answered.
func said(err error) string {
	_, words, _ := strings.Cut(done(err), "the registry ")
	return words
}
