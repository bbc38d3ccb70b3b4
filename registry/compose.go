package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// composeTimeout bounds the making of one builder: layers may have to go from one registry to another.
const composeTimeout = 10 * time.Minute

// Composition says what a builder image is made of.
type Composition struct {
	// Builder is the builder image.
	Builder string
	// Buildpackages are images with more buildpacks, as `pack buildpack package` makes them; none for the builder as it is.
	Buildpackages []string
	// To is the repository in which the composed image is kept. Its tag is made of what it was made of, so it is made once.
	To string
}

// Compose looks a builder image up, and has it hold the buildpacks of other images too. Where both have a version of a
// buildpack, that of the other image is listed first. The error is ErrNotFound when an image is missing.
func (c *Client) Compose(ctx context.Context, of Composition) (Builder, error) {
	if len(of.Buildpackages) == 0 {
		return c.Builder(ctx, of.Builder)
	}
	ctx, cancel := context.WithTimeout(ctx, composeTimeout)
	defer cancel()
	base, digest, config, err := c.open(ctx, of.Builder)
	if err != nil {
		return Builder{}, err
	}
	found, err := readBuilder(config.Config.Labels)
	if err != nil {
		return Builder{}, fmt.Errorf("image %s: %w", of.Builder, err)
	}
	sum := sha256.New()
	fmt.Fprintln(sum, "1", digest.DigestStr())
	var packages []buildpackage
	for _, reference := range of.Buildpackages {
		image, digest, config, err := c.open(ctx, reference)
		if err != nil {
			return Builder{}, err
		}
		hash, err := v1.NewHash(digest.DigestStr())
		if err != nil {
			return Builder{}, fmt.Errorf("read the digest of image %s: %w", reference, err)
		}
		found, err := readBuildpackage(image, hash, config, found.BuildpackAPIs)
		if err != nil {
			return Builder{}, fmt.Errorf("image %s: %w", reference, err)
		}
		packages = append(packages, found)
		fmt.Fprintln(sum, hash)
	}
	target := of.To + ":" + hex.EncodeToString(sum.Sum(nil))[:32]
	composed, err := c.Builder(ctx, target)
	if !errors.Is(err, ErrNotFound) {
		return composed, err
	}
	image, err := extend(base, config, packages)
	if err != nil {
		return Builder{}, fmt.Errorf("add buildpacks to image %s: %w", of.Builder, err)
	}
	ref, err := c.parse(target)
	if err != nil {
		return Builder{}, fmt.Errorf("read image reference %q: %w", target, err)
	}
	if err := c.pusher.Push(ctx, ref, image); err != nil {
		return Builder{}, explain(ctx, target, err)
	}
	return c.Builder(ctx, target)
}

// extend is the builder image with the layers of the buildpackages on top, and labels that say so. The same images give the
// same digest.
func extend(base v1.Image, config *v1.ConfigFile, packages []buildpackage) (v1.Image, error) {
	held, err := readBuildpackLayers(config.Config.Labels)
	if err != nil {
		return nil, err
	}
	mediaType, err := layerType(base)
	if err != nil {
		return nil, err
	}
	var added []Buildpack
	var layers []mutate.Addendum
	there := map[string]bool{}
	for _, diffID := range config.RootFS.DiffIDs {
		there[diffID.String()] = true
	}
	for _, p := range packages {
		for _, id := range slices.Sorted(maps.Keys(p.layers)) {
			for _, version := range slices.Sorted(maps.Keys(p.layers[id])) {
				info := p.layers[id][version]
				if _, has := held[id][version]; has {
					continue
				}
				if held[id] == nil {
					held[id] = map[string]buildpackLayer{}
				}
				held[id][version] = info
				added = append(added, Buildpack{ID: id, Version: version})
				if there[info.DiffID] {
					continue
				}
				there[info.DiffID] = true
				layer, err := p.layer(info.DiffID)
				if err != nil {
					return nil, err
				}
				layers = append(layers, mutate.Addendum{Layer: layer, MediaType: mediaType,
					History: v1.History{CreatedBy: "buildpack " + id + " " + version}})
			}
		}
	}
	image, err := mutate.Append(base, layers...)
	if err != nil {
		return nil, fmt.Errorf("append layers: %w", err)
	}
	return relabel(image, added, held)
}

// layerType is the type of the layers that belong into an image of this kind of manifest.
func layerType(image v1.Image) (types.MediaType, error) {
	kind, err := image.MediaType()
	if err != nil {
		return "", fmt.Errorf("read the media type: %w", err)
	}
	if kind == types.DockerManifestSchema2 {
		return types.DockerLayer, nil
	}
	return types.OCILayer, nil
}

// relabel has the labels name the buildpacks that were added, before those that were there.
func relabel(image v1.Image, added []Buildpack, held buildpackLayers) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	config = config.DeepCopy()
	metadata := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(config.Config.Labels[builderMetadataLabel]), &metadata); err != nil {
		return nil, fmt.Errorf("read label %s: %w", builderMetadataLabel, err)
	}
	var there []json.RawMessage
	if list := metadata["buildpacks"]; list != nil {
		if err := json.Unmarshal(list, &there); err != nil {
			return nil, fmt.Errorf("read the buildpacks of label %s: %w", builderMetadataLabel, err)
		}
	}
	all := make([]any, 0, len(added)+len(there))
	for _, buildpack := range added {
		all = append(all, buildpack)
	}
	for _, buildpack := range there {
		all = append(all, buildpack)
	}
	if metadata["buildpacks"], err = json.Marshal(all); err != nil {
		return nil, fmt.Errorf("write the list of buildpacks: %w", err)
	}
	for key, value := range map[string]any{builderMetadataLabel: metadata, buildpackLayersLabel: held} {
		label, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("write label %s: %w", key, err)
		}
		config.Config.Labels[key] = string(label)
	}
	return mutate.ConfigFile(image, config)
}
