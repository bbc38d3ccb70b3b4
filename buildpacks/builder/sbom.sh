# shellcheck shell=bash
# Sourced by builder.sh: what the lifecycle's programs are, in the three formats that the exporter looks for.

# sbom DIRECTORY NAME writes NAME.sbom.*.json for one program of the lifecycle.
sbom() {
  local file=$1/$2.sbom purl=pkg:golang/github.com/buildpacks/lifecycle@v$LIFECYCLE_VERSION
  cat > "$file.cdx.json" <<JSON
{"bomFormat": "CycloneDX", "specVersion": "1.4", "version": 1, "components": [
  {"type": "application", "name": "$2", "version": "$LIFECYCLE_VERSION", "purl": "$purl"}]}
JSON
  cat > "$file.spdx.json" <<JSON
{"spdxVersion": "SPDX-2.2", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "$2",
 "documentNamespace": "https://toolforge.org/spdx/$2-$LIFECYCLE_VERSION",
 "creationInfo": {"created": "1980-01-01T00:00:01Z", "creators": ["Tool: toolforged"]},
 "packages": [{"SPDXID": "SPDXRef-Package", "name": "$2", "versionInfo": "$LIFECYCLE_VERSION", "downloadLocation": "NOASSERTION",
  "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": "$purl"}]}]}
JSON
  cat > "$file.syft.json" <<JSON
{"artifacts": [{"id": "$2", "name": "$2", "version": "$LIFECYCLE_VERSION", "type": "go-module", "purl": "$purl"}],
 "source": {"type": "file", "target": "/cnb/lifecycle/$2"}, "descriptor": {"name": "toolforged", "version": "1"},
 "schema": {"version": "3.0.0", "url": "https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-3.0.0.json"}}
JSON
}
