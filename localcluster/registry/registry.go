// Package registry is a real OCI registry (distribution v3) with files as its
// storage. It knows nothing of the cluster it stands beside.
// The entry point is [New].
package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the only storage there is
	"github.com/sirupsen/logrus"
)

// New returns the handler of a registry that keeps its blobs below dir and
// lets its clients delete. The work it starts in the background ends with ctx.
func New(ctx context.Context, dir string) (http.Handler, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the registry's directory: %w", err)
	}
	logrus.SetLevel(logrus.WarnLevel)
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": dir},
			"delete":     configuration.Parameters{"enabled": true},
			"cache":      configuration.Parameters{"blobdescriptor": "inmemory"},
			"maintenance": configuration.Parameters{
				"uploadpurging": map[any]any{
					"enabled": true, "age": "24h", "interval": "24h", "dryrun": false,
				},
			},
		},
	}
	// The secret signs the state of an upload. A client whose upload outlives
	// a restart begins it again.
	config.HTTP.Secret = rand.Text()
	return handlers.NewApp(ctx, config), nil
}
