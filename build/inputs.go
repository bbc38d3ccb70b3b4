package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Inputs are everything that a built image depends on. Two builds of equal inputs make the same image, so the second one
// is not run.
type Inputs struct {
	// Tree is the git id of the source's contents, without toolforge.yaml.
	Tree string `json:"tree"`
	// Builder is the builder image by digest.
	Builder string `json:"builder"`
	// Order is the detection order in TOML; empty for the builder's own.
	Order string `json:"order,omitempty"`
	// Env is the build-time environment.
	Env map[string]string `json:"env,omitempty"`
}

// keyLength is in hexadecimal digits: 128 bits, no accident makes two inputs meet.
const keyLength = 32

// Key names a build by its inputs. It is a valid image tag and a valid part of an object's name.
func (in Inputs) Key() string {
	// Maps are encoded in the order of their keys.
	encoded, err := json.Marshal(in)
	if err != nil {
		panic(fmt.Sprintf("encode build inputs: %v", err)) // strings only: cannot fail
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])[:keyLength]
}

// reason says why these inputs are built, given the last record of this build.
func (in Inputs) reason(last *api.Build) string {
	switch {
	case last == nil || last.Source == "":
		return "first build"
	case in.Tree != last.Source:
		return fmt.Sprintf("source changed: tree %.7s, was %.7s", in.Tree, last.Source)
	case in.Builder != last.Builder:
		return fmt.Sprintf("builder changed: %s, was %s", in.Builder, last.Builder)
	default:
		return "stack or build environment changed"
	}
}
