package testscripts

import (
	"errors"
	"io/fs"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// registryFaults has requests to the local cluster's registry go wrong as the file says; registry-faults without a file ends
// that. It is the whole platform's registry: scripts that run side by side must not both do it.
func registryFaults(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.Getenv("REGISTRY_FAULTS")
	if neg || len(args) > 1 || file == "" {
		ts.Fatalf("usage: registry-faults [FILE], with the local cluster")
	}
	if len(args) == 0 {
		ts.Check(mendRegistry(file))
		return
	}
	of(ts).faults = file
	// The registry reads it at any moment.
	ts.Check(os.WriteFile(file+".new", []byte(ts.ReadFile(args[0])), 0o600))
	ts.Check(os.Rename(file+".new", file))
}

// mendRegistry ends the faults, also those that a killed run left.
func mendRegistry(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
