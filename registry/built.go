package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
)

// buildMetadataLabel holds what the buildpacks contributed (Cloud Native Buildpacks platform specification, "Image labels").
const buildMetadataLabel = "io.buildpacks.build.metadata"

// maxProcesses bounds the process types of one image.
const maxProcesses = 100

// processType is a name that the launcher makes a file of and a manifest can hold.
var processType = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)

// buildpackID is an id as the buildpack specification has it, and short.
var buildpackID = regexp.MustCompile(`^[A-Za-z0-9./_-]{1,200}$`)

// Built is an image that a build left in the registry.
type Built struct {
	// Reference is the image by digest: repository@sha256:….
	Reference string
	// Processes are its process types, sorted; at most 100.
	Processes []string
	// Buildpacks are the ids of the buildpacks that made it, in order; at most 100.
	Buildpacks []string
}

// Built looks an image up. The error is ErrNotFound when the registry does not have it.
func (c *Client) Built(ctx context.Context, reference string) (Built, error) {
	digest, config, err := c.image(ctx, reference)
	if err != nil {
		return Built{}, err
	}
	var metadata struct {
		Processes []struct {
			Type string `json:"type"`
		} `json:"processes"`
		Buildpacks []struct {
			ID string `json:"id"`
		} `json:"buildpacks"`
	}
	label, ok := config.Config.Labels[buildMetadataLabel]
	if !ok {
		return Built{}, fmt.Errorf("image %s has no label %s: no buildpacks made it", reference, buildMetadataLabel)
	}
	if err := json.Unmarshal([]byte(label), &metadata); err != nil {
		return Built{}, fmt.Errorf("read label %s of image %s: %w", buildMetadataLabel, reference, err)
	}
	if len(metadata.Processes) > maxProcesses {
		return Built{}, fmt.Errorf("image %s has %d process types; at most %d are allowed", reference, len(metadata.Processes), maxProcesses)
	}
	built := Built{Reference: digest.String()}
	for _, process := range metadata.Processes {
		if !processType.MatchString(process.Type) {
			return Built{}, fmt.Errorf("image %s has the process type %.63q: use at most 63 letters, digits, dots, hyphens and underscores",
				reference, process.Type)
		}
		built.Processes = append(built.Processes, process.Type)
	}
	sort.Strings(built.Processes)
	for _, buildpack := range metadata.Buildpacks[:min(len(metadata.Buildpacks), maxProcesses)] {
		if buildpackID.MatchString(buildpack.ID) {
			built.Buildpacks = append(built.Buildpacks, buildpack.ID)
		}
	}
	return built, nil
}
