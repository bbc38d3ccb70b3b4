package cache

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// maxLayers bounds the layers of a cache.
const maxLayers = 500

// maxMetadata bounds the metadata of a cache, in bytes.
const maxMetadata = 4 << 20

// jobs is how many layers are sent or read at the same time.
const jobs = 4

// ErrTooLarge is returned for a cache that is larger than it may be.
var ErrTooLarge = errors.New("the cache is too large")

// Client reads and writes caches. It is safe for concurrent use.
type Client struct {
	options   []remote.Option
	plainHTTP string
	maxBytes  int64
}

// NewClient returns a client that authenticates with what keychain holds, speaks to the registry plainHTTP (host[:port],
// empty for none) over HTTP, and neither reads nor writes caches with layers of more than maxBytes together, uncompressed.
func NewClient(keychain authn.Keychain, userAgent, plainHTTP string, maxBytes int64) *Client {
	return &Client{
		options:   []remote.Option{remote.WithAuthFromKeychain(keychain), remote.WithUserAgent(userAgent), remote.WithJobs(jobs)},
		plainHTTP: plainHTTP,
		maxBytes:  maxBytes,
	}
}

func (c *Client) parse(reference string) (name.Reference, error) {
	ref, err := name.ParseReference(reference)
	if err == nil && c.plainHTTP != "" && ref.Context().RegistryStr() == c.plainHTTP {
		ref, err = name.ParseReference(reference, name.Insecure)
	}
	if err != nil {
		return nil, fmt.Errorf("read cache reference %q: %w", reference, err)
	}
	return ref, nil
}

func notFound(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
