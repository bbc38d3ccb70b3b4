package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
