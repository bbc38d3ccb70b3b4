package build

import "regexp"

// RepositoryKind is what builds leave in a repository.
type RepositoryKind string

// The kinds of repositories.
const (
	OfImages RepositoryKind = "image"
	OfCaches RepositoryKind = "cache"
	OfLogs   RepositoryKind = "log"
)

// Repository is where builds of one name of one tool leave what they make, below the registry's prefix.
type Repository struct {
	Kind        RepositoryKind
	Tool, Build string
}

// Path is the repository's name below the prefix. Images are anyone's to read; what is below cache can be read with the
// registry's account alone.
func (r Repository) Path() string {
	switch r.Kind {
	case OfCaches:
		return "cache/tool-" + r.Tool + "/" + r.Build
	case OfLogs:
		return "cache/tool-" + r.Tool + "/" + r.Build + "/logs"
	default:
		return "tool-" + r.Tool + "/" + r.Build
	}
}

// repositoryPath is that of a repository of any kind.
var repositoryPath = regexp.MustCompile(`^(cache/)?tool-([a-z0-9-]{1,63})/([a-z0-9-]{1,63})(/logs)?$`)

// ParseRepository reads a name below the prefix; it is false for what no build makes.
func ParseRepository(path string) (Repository, bool) {
	found := repositoryPath.FindStringSubmatch(path)
	if found == nil {
		return Repository{}, false
	}
	r := Repository{Kind: OfImages, Tool: found[2], Build: found[3]}
	switch {
	case found[1] != "" && found[4] != "":
		r.Kind = OfLogs
	case found[1] != "":
		r.Kind = OfCaches
	case found[4] != "":
		return Repository{}, false
	}
	return r, true
}

// What the tags of each kind look like.
var tagsOf = map[RepositoryKind]*regexp.Regexp{
	OfImages: regexp.MustCompile(`^[0-9a-f]{32}$`),
	OfCaches: regexp.MustCompile(`^(default|branch-[A-Za-z0-9-]+)$`),
	OfLogs:   regexp.MustCompile(`^[0-9a-f]{32}-[0-9]{1,9}$`),
}

// Makes tells whether a tag in such a repository may be a build's.
func (r Repository) Makes(tag string) bool { return tagsOf[r.Kind].MatchString(tag) }

// KeyOf is the key of the build that a tag of an image or a log speaks of.
func KeyOf(tag string) string { return tag[:min(len(tag), keyLength)] }

// CacheTag is that of the cache of a branch; that of the default branch is empty.
func CacheTag(branch string) string {
	if branch == "" {
		return defaultCache
	}
	return branchTag(branch)
}
