package sources

import (
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxURL and maxRef bound what a maintainer may write, in bytes.
const (
	maxURL = 2048
	maxRef = 255
)

// Repository says where a revision is followed.
type Repository struct {
	// URL is the address of the repository: http, https or ssh, without password, query or fragment. Only of ssh it may
	// have a user name; without one it is git.
	URL string
	// Ref is a branch, a tag, a full ref name ("refs/…"), "HEAD" or a full commit id of 40 hexadecimal digits.
	// A short name is a branch or else a tag. Empty means HEAD.
	Ref string
	// Credentials are sent to the host of URL and to no other; nil means none.
	Credentials *Credentials
}

// String is the URL and the ref.
func (r Repository) String() string { return displayURL(r.URL) + "@" + r.ref() }

// Validate says what is wrong with the URL or the ref, as an error that is ErrInvalid.
func (r Repository) Validate() error {
	if err := validateURL(r.URL); err != nil {
		return err
	}
	_, err := candidates(r.ref())
	return err
}

func (r Repository) ref() string {
	if r.Ref == "" {
		return "HEAD"
	}
	return r.Ref
}

// same says whether both follow the same ref of the same repository, whatever the credentials.
func (r Repository) same(other Repository) bool { return r.URL == other.URL && r.ref() == other.ref() }

// host is the host and port that requests for this repository go to.
func (r Repository) host() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

func validateURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL:
		// The parse error repeats the URL, which may hold a password.
		return failf(ErrInvalid, nil, "the repository's URL cannot be read: write an https or ssh URL, such as ssh://git@forge.example/tool.git")
	case hasPassword(u):
		return failf(ErrInvalid, nil, "the repository's URL %s must not hold a user name or password: put them in a Secret", displayURL(raw))
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != schemeSSH:
		return failf(ErrInvalid, nil, "the repository's URL %s must begin with https://, http:// or ssh://", displayURL(raw))
	case u.Hostname() == "":
		return failf(ErrInvalid, nil, "the repository's URL %s names no host", displayURL(raw))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return failf(ErrInvalid, nil, "the repository's URL %s must not hold a query or a fragment (? or #)", displayURL(raw))
	}
	return nil
}

// schemeSSH is the scheme of repositories that are asked over SSH.
const schemeSSH = "ssh"

// overSSH says whether the repository is asked over SSH.
func (r Repository) overSSH() bool { return strings.HasPrefix(strings.ToLower(r.URL), schemeSSH+"://") }

// hasPassword says whether u holds what belongs into a Secret. The user name of ssh is no secret.
func hasPassword(u *url.URL) bool {
	if u.User == nil || u.Scheme != schemeSSH {
		return u.User != nil
	}
	_, password := u.User.Password()
	return password
}

// displayURL is raw without what must not be shown: user name, password, query and fragment.
func displayURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// candidates are the full ref names that ref may mean, the preferred one first. A full commit id has none.
func candidates(ref string) ([]string, error) {
	var names []string
	switch {
	case isCommitID(ref):
		return nil, nil
	case ref == "HEAD":
		return []string{"HEAD"}, nil
	case strings.HasPrefix(ref, "refs/"):
		names = []string{ref}
	default:
		names = []string{"refs/heads/" + ref, "refs/tags/" + ref}
	}
	if len(ref) > maxRef || plumbing.ReferenceName(names[0]).Validate() != nil {
		return nil, failf(ErrInvalid, nil, "the ref %.80q is not a name that git allows: write a branch, a tag or a full commit id", ref)
	}
	return names, nil
}

// isCommitID says whether s is a full commit id: 40 hexadecimal digits in lower case.
func isCommitID(s string) bool {
	if len(s) != 40 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
