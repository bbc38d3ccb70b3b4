package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/toolforge/toolforged/registry"
	"github.com/toolforge/toolforged/status"
)

// sboms shows what the registry says of images.
type sboms struct{ registry *registry.Client }

// SBOM implements status.SBOMs.
func (s sboms) SBOM(ctx context.Context, image string) (status.SBOM, error) {
	found, err := s.registry.SBOM(ctx, image)
	if errors.Is(err, registry.ErrNotFound) {
		return status.SBOM{}, fmt.Errorf("image %s: %w", image, fs.ErrNotExist)
	}
	if err != nil {
		return status.SBOM{}, err
	}
	shown := status.SBOM{Incomplete: found.Incomplete, Silent: found.Silent, Unread: found.Unread}
	for _, component := range found.Components {
		shown.Components = append(shown.Components, status.Component(component))
	}
	return shown, nil
}
