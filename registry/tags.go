package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxTags bounds the tags of one repository that are listed.
const maxTags = 10_000

// Tags lists the tags of a repository, at most 10,000 of them. A repository that the registry does not have has none.
func (c *Client) Tags(ctx context.Context, repository string) ([]string, error) {
	repo, err := c.repository(repository)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(withPause(ctx), requestTimeout)
	defer cancel()
	lister, err := c.puller.Lister(ctx, repo)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(ctx, repository, err)
	}
	var tags []string
	for lister.HasNext() && len(tags) < maxTags {
		page, err := lister.Next(ctx)
		if missing(err) {
			return tags, nil
		}
		if err != nil {
			return nil, explain(ctx, repository, err)
		}
		tags = append(tags, page.Tags...)
	}
	return tags[:min(len(tags), maxTags)], nil
}

func (c *Client) repository(text string) (name.Repository, error) {
	repo, err := name.NewRepository(text)
	if err == nil && repo.RegistryStr() == c.plainHTTP {
		repo, err = name.NewRepository(text, name.Insecure)
	}
	if err != nil {
		return repo, fmt.Errorf("read the name of a repository, %q: %w", text, err)
	}
	return repo, nil
}

// missing tells whether the registry has answered that it does not have what was asked for.
func missing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
