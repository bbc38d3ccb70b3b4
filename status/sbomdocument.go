package status

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The properties that say where a component comes from.
const (
	buildpackProperty = "toolforge:buildpack"
	layerProperty     = "toolforge:layer"
)

// kinds and scopes are CycloneDX' words; what others write in their place is no part of a document.
var (
	kinds = []cdx.ComponentType{cdx.ComponentTypeApplication, cdx.ComponentTypeContainer, cdx.ComponentTypeData,
		cdx.ComponentTypeFile, cdx.ComponentTypeFramework, cdx.ComponentTypeLibrary, cdx.ComponentTypeOS, cdx.ComponentTypePlatform}
	scopes = []cdx.Scope{cdx.ScopeRequired, cdx.ScopeOptional, cdx.ScopeExcluded}
)

// document is one SBOM of all that the buildpacks wrote of a build's image.
func document(build QueuedBuild, found SBOM) *cdx.BOM {
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: imageComponent(build)}
	if build.FinishedAt != nil {
		bom.Metadata.Timestamp = build.FinishedAt.Format(time.RFC3339)
	}
	components := collect(found.Components, componentOf)
	bom.Components = &components
	if found.Incomplete || len(found.Silent) > 0 {
		bom.Compositions = &[]cdx.Composition{{Aggregate: cdx.CompositionAggregateIncomplete}}
	}
	return bom
}

func componentOf(c Component) cdx.Component {
	part := cdx.Component{Type: cdx.ComponentType(c.Type), Name: c.Name, Version: c.Version, PackageURL: c.PURL,
		Scope: cdx.Scope(c.Scope)}
	if !slices.Contains(kinds, part.Type) {
		part.Type = cdx.ComponentTypeLibrary
	}
	if !slices.Contains(scopes, part.Scope) {
		part.Scope = ""
	}
	properties := []cdx.Property{{Name: buildpackProperty, Value: c.Buildpack}}
	if c.Layer != "" {
		properties = append(properties, cdx.Property{Name: layerProperty, Value: c.Layer})
	}
	part.Properties = &properties
	return part
}

// imageComponent is what the document is about.
func imageComponent(build QueuedBuild) *cdx.Component {
	repository, digest, _ := strings.Cut(build.Image, "@")
	return &cdx.Component{
		Type: cdx.ComponentTypeContainer, Name: repository, Version: digest,
		PackageURL: "pkg:oci/" + path.Base(repository) + "@" + url.QueryEscape(digest) +
			"?repository_url=" + url.QueryEscape(repository),
	}
}
