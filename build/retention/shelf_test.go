package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/toolforge/toolforged/registry"
)

// killed is what a request panics with in which the daemon is killed.
type killed struct{}

// shelf is a registry: by repository without the prefix, what is behind each tag, and the manifests.
type shelf struct {
	tags      map[string]map[string]string
	artifacts map[string]registry.Artifact
	// request is called before each request and after it, with what it is.
	request func(what string)
	err     map[string]error
}

func newShelf() *shelf {
	return &shelf{tags: map[string]map[string]string{}, artifacts: map[string]registry.Artifact{}, request: func(string) {}, err: map[string]error{}}
}

// around has a request happen.
func (s *shelf) around(what string, do func()) error {
	s.request("before " + what)
	if err := s.err[what]; err != nil {
		return err
	}
	do()
	s.request("after " + what)
	return nil
}

func (s *shelf) put(repository, tag, digest string) {
	if s.tags[repository] == nil {
		s.tags[repository] = map[string]string{}
	}
	s.tags[repository][tag] = digest
}

func (s *shelf) holds(repository, digest string) bool {
	for _, behind := range s.tags[repository] {
		if behind == digest {
			return true
		}
	}
	return false
}

func split(reference, by string) (repository, rest string) {
	repository, rest, _ = strings.Cut(strings.TrimPrefix(reference, prefix+"/"), by)
	return repository, rest
}

func (s *shelf) Repositories(context.Context, string) (found []string, err error) {
	err = s.around("list", func() {
		for repository := range s.tags {
			found = append(found, repository)
		}
	})
	return append(found, "builders/bookworm"), err
}

func (s *shelf) Tags(_ context.Context, repository string) (found []string, err error) {
	err = s.around("tags", func() {
		for tag := range s.tags[strings.TrimPrefix(repository, prefix+"/")] {
			found = append(found, tag)
		}
	})
	return found, err
}

func (s *shelf) Behind(_ context.Context, reference string) (behind registry.Behind, err error) {
	repository, tag := split(reference, ":")
	if failed := s.around("behind", func() {
		var ok bool
		if behind.Digest, ok = s.tags[repository][tag]; !ok {
			err = registry.ErrNotFound
		}
	}); failed != nil {
		err = failed
	}
	return behind, err
}

func (s *shelf) Remove(_ context.Context, reference string) error {
	repository, digest := split(reference, "@")
	return s.around("remove", func() {
		for tag, behind := range s.tags[repository] {
			if behind == digest {
				delete(s.tags[repository], tag)
			}
		}
	})
}

func (s *shelf) Keep(_ context.Context, reference string, a registry.Artifact) error {
	repository, tag := split(reference, ":")
	return s.around("keep", func() {
		s.put(repository, tag, hash(string(a.Data)))
		s.artifacts[reference] = a
	})
}

func (s *shelf) Kept(_ context.Context, reference string, _ int64) (a registry.Artifact, err error) {
	repository, tag := split(reference, ":")
	if failed := s.around("kept", func() {
		if _, ok := s.tags[repository][tag]; !ok {
			err = registry.ErrNotFound
		}
		a = s.artifacts[reference]
	}); failed != nil {
		err = failed
	}
	return a, err
}

// Built is what a build asks for.
func (s *shelf) Built(_ context.Context, reference string) (registry.Built, error) {
	repository, tag := split(reference, ":")
	digest, ok := s.tags[repository][tag]
	if !ok {
		return registry.Built{}, registry.ErrNotFound
	}
	return registry.Built{Reference: prefix + "/" + repository + "@" + digest}, nil
}

func hash(of string) string {
	sum := sha256.Sum256([]byte(of))
	return "sha256:" + hex.EncodeToString(sum[:])
}
