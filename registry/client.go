package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// requestTimeout bounds everything that one call of Client says to the registry.
const requestTimeout = 30 * time.Second

// maxConfig bounds an image's configuration, in bytes. Its labels are written by whoever built the image.
const maxConfig = 8 << 20

// ErrNotFound is returned for a repository, tag or digest that the registry does not have.
var ErrNotFound = errors.New("not in the registry")

// Client asks registries about images. It is safe for concurrent use; connections are kept alive between calls.
type Client struct {
	puller    *remote.Puller
	pusher    *remote.Pusher
	plainHTTP string
}

// NewClient returns a client that authenticates with what keychain holds (authn.DefaultKeychain reads the usual
// config.json). The registry plainHTTP (host[:port], empty for none) is spoken to over HTTP; so is one on a loopback or
// private address, where HTTPS fails.
func NewClient(keychain authn.Keychain, userAgent, plainHTTP string) (*Client, error) {
	return newClient(remote.DefaultTransport, keychain, userAgent, plainHTTP)
}

func newClient(base http.RoundTripper, keychain authn.Keychain, userAgent, plainHTTP string) (*Client, error) {
	// A call that failed is for the caller to repeat: here it would only wait.
	once := remote.WithRetryBackoff(remote.Backoff{Steps: 1})
	options := []remote.Option{remote.WithAuthFromKeychain(keychain), remote.WithUserAgent(userAgent), remote.WithTransport(pauses{base}), once}
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, fmt.Errorf("make a registry client: %w", err)
	}
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return nil, fmt.Errorf("make a registry client that writes: %w", err)
	}
	return &Client{puller: puller, pusher: pusher, plainHTTP: plainHTTP}, nil
}

// image reads the manifest and the configuration of a linux/amd64 image. It returns the reference by digest.
func (c *Client) image(ctx context.Context, reference string) (name.Digest, *v1.ConfigFile, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, digest, config, err := c.open(ctx, reference)
	return digest, config, err
}

// open is image, with the image itself: its layers are read while the context lasts.
func (c *Client) open(ctx context.Context, reference string) (v1.Image, name.Digest, *v1.ConfigFile, error) {
	ctx = withPause(ctx)
	ref, err := c.parse(reference)
	if err != nil {
		return nil, name.Digest{}, nil, fmt.Errorf("read image reference %q: %w", reference, err)
	}
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return nil, name.Digest{}, nil, explain(ctx, reference, err)
	}
	image, err := descriptor.Image()
	if err != nil {
		return nil, name.Digest{}, nil, explain(ctx, reference, err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, name.Digest{}, nil, explain(ctx, reference, err)
	}
	if manifest.Config.Size > maxConfig {
		return nil, name.Digest{}, nil, fmt.Errorf("image %s has a configuration of %d bytes; at most %d are read",
			reference, manifest.Config.Size, maxConfig)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, name.Digest{}, nil, explain(ctx, reference, err)
	}
	return image, ref.Context().Digest(descriptor.Digest.String()), config, nil
}

func (c *Client) parse(reference string) (name.Reference, error) {
	ref, err := name.ParseReference(reference)
	if err == nil && c.plainHTTP != "" && ref.Context().RegistryStr() == c.plainHTTP {
		return name.ParseReference(reference, name.Insecure)
	}
	return ref, err
}
