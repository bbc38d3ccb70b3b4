// Package registry is a real OCI registry (distribution v3) with files as its
// storage, in front of which an account is asked for, and faults can be put. It
// knows nothing of the cluster it stands beside.
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

// Config is what a registry is made of.
type Config struct {
	// Dir holds the blobs.
	Dir string
	// Account may do everything; who has none may read images.
	Account Account
	// Faults is a file that says which requests go wrong, see [Fault]. It need
	// not exist; empty for none.
	Faults string
}

// New returns the handler of a registry that lets its clients delete. The work
// it starts in the background ends with ctx.
func New(ctx context.Context, c Config) (http.Handler, error) {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the registry's directory: %w", err)
	}
	logrus.SetLevel(logrus.WarnLevel)
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": c.Dir},
			"delete":     configuration.Parameters{"enabled": true},
			"cache":      configuration.Parameters{"blobdescriptor": "inmemory"},
			"maintenance": configuration.Parameters{
				"uploadpurging": map[any]any{
					"enabled": true, "age": "24h", "interval": "24h", "dryrun": false,
				},
			},
		},
	}
	config.Catalog.MaxEntries = 1000 // as a registry has that reads its configuration from a file
	// The secret signs the state of an upload. A client whose upload outlives
	// a restart begins it again.
	config.HTTP.Secret = rand.Text()
	return withFaults(c.Faults, c.Account.guard(handlers.NewApp(ctx, config))), nil
}
