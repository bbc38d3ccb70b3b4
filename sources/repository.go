package sources

import (
	"log/slog"
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
	// URL is the http or https address of the repository, without user name, password, query or fragment.
	URL string
	// Ref is a branch, a tag, a full ref name ("refs/…"), "HEAD" or a full commit id of 40 hexadecimal digits.
	// A short name is a branch or else a tag. Empty means HEAD.
	Ref string
	// Credentials are sent to the host of URL and to no other; nil means none.
	Credentials *Credentials
}

// Credentials are what HTTP basic authentication sends. Formatting or logging them never shows the password.
type Credentials struct {
	Username string
	Password string
}

// String names the user and hides the password.
func (c Credentials) String() string { return c.Username + ":***" }

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue names the user and hides the password.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String, so that no encoder writes the password.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

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
		return failf(ErrInvalid, nil, "the repository's URL cannot be read: write an http or https URL")
	case u.User != nil:
		return failf(ErrInvalid, nil, "the repository's URL %s must not hold a user name or password: put them in a Secret", displayURL(raw))
	case u.Scheme != "http" && u.Scheme != "https":
		return failf(ErrInvalid, nil, "the repository's URL %s must begin with https:// or http://", displayURL(raw))
	case u.Hostname() == "":
		return failf(ErrInvalid, nil, "the repository's URL %s names no host", displayURL(raw))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return failf(ErrInvalid, nil, "the repository's URL %s must not hold a query or a fragment (? or #)", displayURL(raw))
	}
	return nil
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
