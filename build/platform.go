package build

import (
	"fmt"
	"slices"
	"strings"
)

// platformAPIs are the Cloud Native Buildpacks platform APIs that the pods of this package speak, newest first.
var platformAPIs = []string{"0.15", "0.14", "0.13", "0.12"}

// PlatformAPI chooses the newest platform API that a lifecycle offers and this package speaks.
func PlatformAPI(offered []string) (string, error) {
	for _, version := range platformAPIs {
		if slices.Contains(offered, version) {
			return version, nil
		}
	}
	return "", fmt.Errorf("its lifecycle speaks the platform APIs %s; toolforged speaks %s",
		strings.Join(offered, ", "), strings.Join(platformAPIs, ", "))
}
