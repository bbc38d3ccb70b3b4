package build

import (
	"fmt"
	"slices"
	"strings"
)

// The oldest and the newest Cloud Native Buildpacks platform API that the pods of this package speak.
const (
	OldestPlatformAPI = "0.12"
	NewestPlatformAPI = "0.15"
)

// platformAPIs are all of them, newest first.
var platformAPIs = []string{NewestPlatformAPI, "0.14", "0.13", OldestPlatformAPI}

// PlatformAPI chooses the newest platform API that a lifecycle offers and this package speaks.
func PlatformAPI(offered []string) (string, error) {
	for _, version := range platformAPIs {
		if slices.Contains(offered, version) {
			return version, nil
		}
	}
	theirs := "names no platform API"
	if len(offered) > 0 {
		theirs = "speaks the platform APIs " + strings.Join(offered, ", ")
	}
	return "", fmt.Errorf("its lifecycle %s; toolforged speaks those from %s to %s", theirs, OldestPlatformAPI, NewestPlatformAPI)
}
