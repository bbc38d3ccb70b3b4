package build

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Request asks for one image.
type Request struct {
	// Tool is the name of the tool, Owner its reference: the pod goes when the tool goes.
	Tool  string
	Owner metav1.OwnerReference
	// Name is the build's name; "main" for the tool's own repository.
	Name string
	// Repository, Commit and Path say where the source is. Path is empty for the root.
	Repository, Commit, Path string
	// SecretName names the Secret with the repository's credentials, in the namespace of the builds; empty for none.
	SecretName string
	// Branch is what of the repository is followed, which has a cache of its own; empty or HEAD for the default branch.
	Branch string
	// Inputs name the build.
	Inputs Inputs
	// Paths are fingerprints of what is at the top of the source, by name, those of directories with a slash at the end; and
	// Configuration is what else the image is made with, in words. They say what changed since the build before.
	Paths         map[string]string
	Configuration string
	// Limits are those of the builder, where it has its own; nil for none.
	Limits *api.BuildLimits
	// RunImage is the run image by digest.
	RunImage string
	// PlatformAPI is the platform API spoken with the builder's lifecycle.
	PlatformAPI string
	// PreviousImage is the last image of this build by digest, whose layers may be used again; empty for none.
	PreviousImage string
}

// Repository is the image's name in the registry: one for each build of each tool.
func (c Config) repository(r Request) string {
	return c.Registry + "/" + Repository{OfImages, r.Tool, r.Name}.Path()
}

// tag is where the build of exactly these inputs is found again.
func (c Config) tag(r Request) string {
	return c.repository(r) + ":" + r.Inputs.Key()
}

// defaultCache is the tag of the cache of the default branch.
const defaultCache = "default"

// caches are where the build's cache is kept, and where one is looked for when there is none: that of the default branch, empty
// for the default branch itself. They are beside the images, for those are anyone's to read.
func (c Config) caches(r Request) (own, fallback string) {
	repository := c.Registry + "/" + Repository{OfCaches, r.Tool, r.Name}.Path() + ":"
	if own = repository + CacheTag(r.branch()); r.branch() != "" {
		fallback = repository + defaultCache
	}
	return own, fallback
}

// branch is the one that is followed; empty for the default branch.
func (r Request) branch() string {
	if r.Branch == "HEAD" {
		return ""
	}
	return r.Branch
}

// branchTag is a valid image tag, of no other branch.
func branchTag(branch string) string {
	const readable = 60
	tag := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, branch)
	sum := sha256.Sum256([]byte(branch))
	return "branch-" + strings.Trim(tag[:min(len(tag), readable)], "-") + "-" + hex.EncodeToString(sum[:4])
}
