package sources

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxCapabilities bounds the bytes of an advertisement of version 2, and of the first line of an older one.
	maxCapabilities = 64 << 10
	// maxOldRefs bounds the refs of an advertisement of versions 0 and 1, which lists all of them. None is kept.
	maxOldRefs = 2_000_000
)

// capabilities are what this package uses of what a server says it can do.
type capabilities struct {
	// version of the protocol: 0, 1 or 2.
	version int
	fetch   bool // version 2 alone: in the others it goes without saying
	shallow bool
	filter  bool
	// Of versions 0 and 1, what has to be asked for.
	sideband, ofsDelta, noProgress bool
}

var (
	errAdvertisement = errors.New("malformed advertisement")
	errObjectFormat  = errors.New("not SHA-1")
)

// readAdvertisement reads what git-upload-pack says first: its capabilities and, in versions 0 and 1, its refs, which are
// shown to scan (unless it is nil) until that has seen enough.
func readAdvertisement(packets *packetReader, scan *refScan) (capabilities, error) {
	kind, line, err := packets.next()
	if err == nil && kind == packetData && bytes.HasPrefix(line, []byte("# service=")) {
		if kind, line, err = packets.next(); err == nil && kind == packetFlush {
			kind, line, err = packets.next()
		}
	}
	if err != nil {
		return capabilities{}, noEOF(err)
	}
	switch text := trimLine(line); {
	case kind == packetFlush:
		return capabilities{}, nil // version 0 of an empty repository, from a server that does not say what it can do
	case kind != packetData:
		return capabilities{}, errAdvertisement
	case string(text) == "version 2":
		return readCapabilities(packets)
	case string(text) == "version 1":
		return readOldRefs(packets, nil, 1, scan)
	default:
		return readOldRefs(packets, text, 0, scan)
	}
}

// readCapabilities reads the rest of an advertisement of version 2.
func readCapabilities(packets *packetReader) (capabilities, error) {
	found := capabilities{version: 2}
	begin := packets.taken
	for {
		kind, line, err := packets.next()
		if err != nil {
			return capabilities{}, noEOF(err)
		}
		if kind != packetData {
			return found, nil
		}
		if packets.taken-begin > maxCapabilities {
			return capabilities{}, fmt.Errorf("%w: it is larger than %s", errAdvertisement, size(maxCapabilities))
		}
		if err := found.add(string(trimLine(line))); err != nil {
			return capabilities{}, err
		}
	}
}

// add takes a line of an advertisement of version 2.
func (c *capabilities) add(line string) error {
	name, value, _ := strings.Cut(line, "=")
	switch name {
	case "fetch":
		c.fetch = true
		for feature := range strings.FieldsSeq(value) {
			c.shallow = c.shallow || feature == "shallow"
			c.filter = c.filter || feature == "filter"
		}
	case "object-format":
		if value != "sha1" {
			return errObjectFormat
		}
	}
	return nil
}

// addOld takes the words after the first ref of versions 0 and 1.
func (c *capabilities) addOld(words string) error {
	for word := range strings.FieldsSeq(words) {
		switch word {
		case "shallow":
			c.shallow = true
		case "filter":
			c.filter = true
		case "side-band-64k":
			c.sideband = true
		case "ofs-delta":
			c.ofsDelta = true
		case "no-progress":
			c.noProgress = true
		}
		if format, ok := strings.CutPrefix(word, "object-format="); ok && format != "sha1" {
			return errObjectFormat
		}
	}
	return nil
}

// readOldRefs reads an advertisement of version 0 or 1, of which the first line may have been read.
func readOldRefs(packets *packetReader, first []byte, version int, scan *refScan) (capabilities, error) {
	found := capabilities{version: version, fetch: true}
	line := first
	for at := range maxOldRefs {
		if at > 0 || first == nil {
			kind, next, err := packets.next()
			if err != nil {
				return found, noEOF(err)
			}
			if kind == packetFlush {
				return found, nil
			}
			if kind != packetData {
				return found, errAdvertisement
			}
			line = trimLine(next)
		}
		if at == 0 {
			ref, words, _ := bytes.Cut(line, []byte{0})
			if err := found.addOld(string(words)); err != nil {
				return found, err
			}
			line = ref
		}
		enough, err := scan.line(line)
		if err != nil || enough {
			return found, err
		}
	}
	return found, failf(ErrTooLarge, nil, "the repository has more than %d refs", maxOldRefs)
}

// refScan looks for refs in a list of any length, and keeps only what it looks for.
type refScan struct {
	// names are looked for, the preferred one first; found is the commit of the best one so far, names[at].
	names []string
	at    int
	found string
	last  bool // the line before was that ref: it may be peeled by the next

	// tips says that the ids of branches, tags and HEAD are wanted, at most maxTips, and that of a ref that leads to commit.
	tips   bool
	commit string
	ids    []string
	holder string
	before [40]byte // the id of the line before
}

// maxTips bounds how many refs are asked for when a commit may only be had with what leads to it.
const maxTips = 256

// scanFor looks for the first of names that exists.
func scanFor(names []string) *refScan { return &refScan{names: names, at: len(names)} }

// line takes one ref of an advertisement of version 0 or 1. It says whether it has seen enough.
func (s *refScan) line(line []byte) (enough bool, err error) {
	if text, ok := bytes.CutPrefix(line, []byte("ERR ")); ok {
		return false, &remoteError{text: printable(string(text))}
	}
	if bytes.HasPrefix(line, []byte("shallow ")) {
		return false, nil
	}
	id, name, ok := bytes.Cut(line, []byte(" "))
	if !ok || !isCommitID(string(id)) || len(name) == 0 {
		return false, errAdvertisement
	}
	if s == nil || string(name) == "capabilities^{}" { // the latter is all that an empty repository has
		return false, nil
	}
	if peeled, ok := bytes.CutSuffix(name, []byte("^{}")); ok {
		s.peel(id, peeled)
		return false, nil
	}
	s.ref(id, name)
	return s.at == 0 && !s.last && !s.tips, nil
}

func (s *refScan) ref(id, name []byte) {
	s.last = false
	if at := slices.IndexFunc(s.names, func(n string) bool { return n == string(name) }); at >= 0 && at < s.at {
		s.at, s.found, s.last = at, string(id), true
	}
	if !s.tips {
		return
	}
	copy(s.before[:], id)
	if string(id) == s.commit {
		s.holder = s.commit
	}
	if len(s.ids) < maxTips && (string(name) == "HEAD" || bytes.HasPrefix(name, []byte("refs/heads/")) || bytes.HasPrefix(name, []byte("refs/tags/"))) {
		if !slices.Contains(s.ids, string(id)) {
			s.ids = append(s.ids, string(id))
		}
	}
}

// peel takes what the ref of the line before leads to.
func (s *refScan) peel(id, name []byte) {
	if s.last && s.names[s.at] == string(name) {
		s.found = string(id)
	}
	if s.tips && s.holder == "" && string(id) == s.commit {
		s.holder = string(s.before[:])
	}
}
