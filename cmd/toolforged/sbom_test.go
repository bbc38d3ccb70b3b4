package main

import (
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	memory "github.com/google/go-containerregistry/pkg/registry"

	"github.com/toolforge/toolforged/registry"
)

// An image that is gone is told from a registry that does not answer.
func TestNoSBOM(t *testing.T) {
	server := httptest.NewServer(memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	client, err := registry.NewClient(authn.NewMultiKeychain(), "test", "")
	if err != nil {
		t.Fatal(err)
	}
	image := strings.TrimPrefix(server.URL, "http://") + "/tool-a/main@sha256:" + strings.Repeat("0", 64)
	if _, err := (sboms{client}).SBOM(t.Context(), image); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an image that is gone: %v", err)
	}
	server.Close()
	if _, err := (sboms{client}).SBOM(t.Context(), image); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a registry that is down: %v", err)
	}
}
