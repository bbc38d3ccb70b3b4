package registry

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Bounds of what is read of an SBOM: it is written by whatever ran in the build.
const (
	maxSBOMBytes     = 32 << 20 // of the layer, unpacked
	maxSBOMFile      = 8 << 20  // bytes of one file
	maxSBOMEntries   = 10_000
	maxComponents    = 20_000
	maxComponentText = 1000
	maxUnread        = 20
)

// sbomFile matches the files that the lifecycle makes: of a buildpack, and of one of its layers.
var sbomFile = regexp.MustCompile(
	`^(?:[^/]*/)*sbom/launch/([A-Za-z0-9][A-Za-z0-9._-]{0,199})/(?:([A-Za-z0-9][A-Za-z0-9._-]{0,199})/)?sbom\.cdx\.json$`)

// readSBOM reads the files in the layer of an image that these buildpacks made. Files that cannot be read are told, the others
// are listed.
func readSBOM(layer io.Reader, buildpacks []string) (SBOM, error) {
	silent, ids := slices.Clone(buildpacks), map[string]string{}
	for _, id := range append([]string{"buildpacksio/lifecycle"}, buildpacks...) {
		ids[strings.ReplaceAll(id, "/", "_")] = id // the lifecycle names directories so
	}
	bounded := &io.LimitedReader{R: layer, N: maxSBOMBytes}
	files := tar.NewReader(bounded)
	var found SBOM
	for range maxSBOMEntries {
		header, err := files.Next()
		if errors.Is(err, io.EOF) && bounded.N > 0 {
			found.sort()
			found.Silent = silent
			return found, nil
		}
		if err != nil || bounded.N == 0 {
			return SBOM{}, broken(bounded, err)
		}
		match := sbomFile.FindStringSubmatch(header.Name)
		if match == nil || header.Typeflag != tar.TypeReg {
			continue
		}
		buildpack, layer := cmp.Or(ids[match[1]], match[1]), match[2]
		silent = slices.DeleteFunc(silent, func(id string) bool { return id == buildpack })
		data, err := io.ReadAll(io.LimitReader(files, maxSBOMFile+1))
		switch {
		case err != nil:
			return SBOM{}, broken(bounded, err)
		case len(data) > maxSBOMFile:
			err = fmt.Errorf("it has more than %d bytes", maxSBOMFile)
		default:
			err = found.add(buildpack, layer, data)
		}
		if err != nil {
			found.tell(buildpack, layer, err)
		}
	}
	return SBOM{}, fmt.Errorf("it has more than %d files", maxSBOMEntries)
}

func broken(bounded *io.LimitedReader, err error) error {
	if bounded.N == 0 {
		return fmt.Errorf("it has more than %d bytes", maxSBOMBytes)
	}
	return fmt.Errorf("unpack it: %w", err)
}

// add lists what one file says.
func (s *SBOM) add(buildpack, layer string, data []byte) error {
	// Raw, so that a list of empty things stays small.
	var document struct {
		Format       string            `json:"bomFormat"`
		Components   []json.RawMessage `json:"components"`
		Compositions json.RawMessage   `json:"compositions"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return fmt.Errorf("it is not JSON as CycloneDX has it: %w", err)
	}
	if document.Format != "CycloneDX" {
		return fmt.Errorf("its format is %.20q, not CycloneDX", document.Format)
	}
	if bytes.Contains(document.Compositions, []byte(`"incomplete"`)) {
		s.Incomplete = true
	}
	for _, raw := range document.Components {
		var part struct{ Type, Group, Name, Version, PURL, Scope string }
		if err := json.Unmarshal(raw, &part); err != nil {
			return fmt.Errorf("one of its components is not as CycloneDX has it: %w", err)
		}
		if part.Group != "" {
			part.Name = part.Group + "/" + part.Name
		}
		longest := max(len(part.Type), len(part.Name), len(part.Version), len(part.PURL), len(part.Scope))
		if part.Name == "" || longest > maxComponentText || len(s.Components) == maxComponents {
			s.Incomplete = true
			continue
		}
		s.Components = append(s.Components, Component{Buildpack: buildpack, Layer: layer, Type: part.Type, Name: part.Name,
			Version: part.Version, PURL: part.PURL, Scope: part.Scope})
	}
	return nil
}

// tell says that a file cannot be read.
func (s *SBOM) tell(buildpack, layer string, err error) {
	s.Incomplete = true
	if len(s.Unread) == maxUnread {
		return
	}
	of := ""
	if layer != "" {
		of = " of its layer " + layer
	}
	s.Unread = append(s.Unread, fmt.Sprintf("what %s says%s cannot be read: %.300s", buildpack, of, err))
}

func (s *SBOM) sort() {
	slices.SortStableFunc(s.Components, func(a, b Component) int {
		return cmp.Or(cmp.Compare(a.Buildpack, b.Buildpack), cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Version, b.Version))
	})
}
