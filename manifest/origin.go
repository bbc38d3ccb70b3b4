package manifest

import (
	"net/url"
	"strings"
)

// Origin says what the tool itself follows, so that a file of an older format, which names every repository by its URL, can
// be read in version v1, where the tool's own has none. The zero value: it is not known, and no repository is the own one.
type Origin struct {
	// Repository is the URL of the tool's own repository.
	Repository string
	// Ref is the branch, tag or full commit id that is followed; empty: HEAD.
	Ref string
}

// isOwn tells whether a URL leads to the tool's own repository. Case, scheme, user, `.git` and a slash at the end make no
// difference.
func (o Origin) isOwn(repository string) bool {
	own := plainURL(o.Repository)
	return own != "" && own == plainURL(repository)
}

func plainURL(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	path := strings.ToLower(strings.Trim(u.Path, "/"))
	return strings.ToLower(u.Hostname()) + port(u) + "/" + strings.TrimRight(strings.TrimSuffix(path, ".git"), "/")
}

// port is the port of a URL with its colon, unless it is the usual one.
func port(u *url.URL) string {
	switch p := u.Port(); p {
	case "", "80", "443", "9418":
		return ""
	default:
		return ":" + p
	}
}

// follows tells whether a ref of the own repository is the one that is followed. supposed: that is so if HEAD is the
// branch that it is in nearly every repository.
func (o Origin) follows(ref string) (follows, supposed bool) {
	own, ref := plainRef(o.Ref), plainRef(ref)
	if own == ref {
		return true, false
	}
	supposed = own == "HEAD" && isUsualHead(ref) || ref == "HEAD" && isUsualHead(own)
	return supposed, supposed
}

func plainRef(ref string) string {
	if ref == "" {
		return "HEAD"
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}

func isUsualHead(branch string) bool { return branch == "main" || branch == "master" }

// isOwnProject tells whether the images of a project of Toolforge's registry (`tool-NAME`) are the tool's own, as far as
// the name of its repository shows it.
func (o Origin) isOwnProject(project string) bool {
	own := plainURL(o.Repository)
	name := own[strings.LastIndexByte(own, '/')+1:]
	return name != "" && strings.TrimPrefix(project, "tool-") == strings.TrimPrefix(name, "tool-")
}
