package sources

import (
	"net/url"
	"strings"
)

// Place is where a repository is, however it is spoken to: a webhook may name another scheme, user or port than a tool
// does, with .git or without.
type Place struct {
	// Host is in lower case and without a port. Empty stands for any.
	Host string
	// Path is in lower case, without slashes at its ends and without .git. Some forges do not tell case apart, and a poll
	// too many does no harm.
	Path string
	// Below says that Path may stand behind something more, as a project of Gerrit does behind /a/ or /r/.
	Below bool
}

// PlaceOf reads a URL with any scheme, or git's user@host:path. ok is false for what names no host or no path.
func PlaceOf(address string) (place Place, ok bool) {
	if len(address) > maxURL {
		return Place{}, false
	}
	if before, path, found := strings.Cut(address, ":"); found && !strings.Contains(before, "/") && !strings.HasPrefix(path, "//") {
		_, host, user := strings.Cut(before, "@")
		if !user {
			host = before
		}
		return placeAt(host, path)
	}
	u, err := url.Parse(address)
	if err != nil {
		return Place{}, false
	}
	return placeAt(u.Hostname(), u.Path)
}

func placeAt(host, path string) (Place, bool) {
	place := Place{Host: strings.ToLower(host), Path: placePath(path)}
	return place, place.Host != "" && place.Path != ""
}

func placePath(path string) string {
	path = strings.Trim(strings.ToLower(path), "/")
	return strings.TrimRight(strings.TrimSuffix(path, ".git"), "/")
}

// PlaceBelow is a project of that name on a host, empty for any, wherever there.
func PlaceBelow(host, project string) Place {
	return Place{Host: strings.ToLower(host), Path: placePath(project), Below: true}
}

// holds says whether a repository at that place is meant by p.
func (p Place) holds(at Place) bool {
	switch {
	case p.Path == "" || p.Host != "" && p.Host != at.Host:
		return false
	case p.Path == at.Path:
		return true
	}
	return p.Below && strings.HasSuffix(at.Path, "/"+p.Path)
}

// HastenAt has every repository at one of the places polled now, whatever its ref, but each not more often than once a
// second. It returns how many there are.
func (p *Poller[T]) HastenAt(places []Place) (found int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.watches {
		for _, place := range places {
			if place.holds(w.place) {
				p.hasten(w)
				found++
				break
			}
		}
	}
	if found > 0 {
		p.poke()
	}
	return found
}
