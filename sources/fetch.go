package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// fetchRequest is what is asked of one fetch.
type fetchRequest struct {
	wants []plumbing.Hash
	// shallow leaves out the history of wanted commits; noBlobs the blobs that are not wanted by their id.
	shallow bool
	noBlobs bool
}

// bytes is the request as the server's version of the protocol wants it.
func (f fetchRequest) bytes(agent string, to capabilities) []byte {
	if to.version < 2 {
		return f.old(agent, to)
	}
	var w packetWriter
	w.line("command=fetch")
	w.line("agent=%s", agent)
	w.delim()
	w.line("no-progress")
	w.line("ofs-delta")
	if f.shallow {
		w.line("deepen 1")
	}
	if f.noBlobs {
		w.line("filter blob:none")
	}
	for _, id := range f.wants {
		w.line("want %s", id)
	}
	w.line("done")
	w.flush()
	return w.Bytes()
}

// old is the request of versions 0 and 1 (gitprotocol-pack, packfile negotiation).
func (f fetchRequest) old(agent string, to capabilities) []byte {
	var w packetWriter
	words := " agent=" + agent
	for _, word := range []struct {
		name  string
		wants bool
	}{{"side-band-64k", to.sideband}, {"ofs-delta", to.ofsDelta}, {"no-progress", to.noProgress}, {"shallow", f.shallow}, {"filter", f.noBlobs}} {
		if word.wants {
			words += " " + word.name
		}
	}
	for _, id := range f.wants {
		w.line("want %s%s", id, words)
		words = ""
	}
	if f.shallow {
		w.line("deepen 1")
	}
	if f.noBlobs {
		w.line("filter blob:none")
	}
	w.flush()
	w.line("done")
	return w.Bytes()
}

// fetch asks for objects and puts them into the store. What is asked for may depend on what the server can do.
func (c *Client) fetch(ctx context.Context, repo Repository, store objectStore, limits limits, request func(capabilities) fetchRequest) error {
	ask := func(to capabilities, send func(request []byte) (answer *packetReader, end func(), err error)) error {
		if !to.fetch {
			return failf(ErrProtocol, nil, "the server of %s does not offer the fetch command of git protocol version 2", displayURL(repo.URL))
		}
		wanted := request(to)
		packets, end, err := send(wanted.bytes(c.opts.UserAgent, to))
		if err != nil {
			return err
		}
		defer end()
		pack, err := openPack(packets, wanted, to)
		if err == nil {
			err = unpack(ctx, pack, store, limits)
		}
		return c.fetchError(repo, wanted, err)
	}
	if repo.overSSH() {
		return c.overSSH(ctx, repo, limits.pack, nil, func(r *sshRun) error { return ask(r.capabilities, r.send) })
	}
	return c.along(ctx, repo, true, nil, func(way route) error {
		return ask(way.capabilities, func(request []byte) (*packetReader, func(), error) {
			body, err := c.post(ctx, repo, way.base, request, limits.pack)
			if err != nil {
				return nil, nil, err
			}
			return newPacketReader(body), func() { _ = body.Close() }, nil
		})
	})
}

func (c *Client) fetchError(repo Repository, request fetchRequest, err error) error {
	var remote *remoteError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &remote) && remote.refusesWant():
		return failf(ErrNoCommit, err, "the commit %s does not exist in %s", request.wants[0], displayURL(repo.URL))
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable(repo, err)
	}
	return wireError(repo, err)
}

// remoteError is what a server says went wrong.
type remoteError struct{ text string }

func (e *remoteError) Error() string { return fmt.Sprintf("it says %q", e.text) }

// refusesWant says whether an object that was asked for is not there (git), or is not given (JGit).
func (e *remoteError) refusesWant() bool { return strings.Contains(e.text, "not our ref") || e.hides() }

// hides says whether an object may be there, and is not given.
func (e *remoteError) hides() bool {
	return strings.HasPrefix(e.text, "want ") && strings.HasSuffix(e.text, " not valid")
}

// errFetchAnswer says that an answer to fetch is not one.
var errFetchAnswer = errors.New("malformed answer to fetch")

// openPack reads an answer to fetch up to its pack, and returns the reader of that.
func openPack(packets *packetReader, asked fetchRequest, to capabilities) (io.Reader, error) {
	if to.version < 2 {
		return openOldPack(packets, asked.shallow, to.sideband)
	}
	for {
		kind, line, err := packets.next()
		if err != nil {
			return nil, noEOF(err)
		}
		if kind != packetData {
			return nil, errFetchAnswer
		}
		section := string(trimLine(line))
		if text, ok := strings.CutPrefix(section, "ERR "); ok {
			return nil, &remoteError{text: printable(text)}
		}
		switch section {
		case "packfile":
			return &bandReader{packets: packets}, nil
		case "shallow-info", "acknowledgments", "wanted-refs", "packfile-uris":
			if err := skipSection(packets); err != nil {
				return nil, err
			}
		default:
			return nil, errFetchAnswer
		}
	}
}

// openOldPack is openPack of versions 0 and 1: what is shallow, when that was asked, then NAK, because nothing was offered.
func openOldPack(packets *packetReader, shallow, sideband bool) (io.Reader, error) {
	for {
		kind, line, err := packets.next()
		if err != nil {
			return nil, noEOF(err)
		}
		text := string(trimLine(line))
		switch {
		case kind == packetFlush && shallow:
			shallow = false
		case kind != packetData:
			return nil, errFetchAnswer
		case strings.HasPrefix(text, "ERR "):
			return nil, &remoteError{text: printable(text[len("ERR "):])}
		case shallow && (strings.HasPrefix(text, "shallow ") || strings.HasPrefix(text, "unshallow ")):
		case text == "NAK" && sideband:
			return &bandReader{packets: packets}, nil
		case text == "NAK":
			return packets.r, nil
		default:
			return nil, errFetchAnswer
		}
	}
}

// skipSection reads to the delimiter that ends a section.
func skipSection(packets *packetReader) error {
	for {
		switch kind, _, err := packets.next(); {
		case err != nil:
			return noEOF(err)
		case kind == packetDelim:
			return nil
		case kind != packetData:
			return errFetchAnswer
		}
	}
}

// bandReader reads the first band of gitprotocol-pack's side-band-64k: the pack.
type bandReader struct {
	packets *packetReader
	rest    []byte
	err     error
}

func (b *bandReader) Read(p []byte) (int, error) {
	for len(b.rest) == 0 && b.err == nil {
		b.rest, b.err = b.more()
	}
	if b.err != nil && len(b.rest) == 0 {
		return 0, b.err
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *bandReader) more() ([]byte, error) {
	kind, data, err := b.packets.next()
	switch {
	case err != nil:
		return nil, noEOF(err)
	case kind == packetFlush:
		return nil, io.EOF
	case kind != packetData || len(data) == 0:
		return nil, errFetchAnswer
	}
	switch data[0] {
	case 1:
		return data[1:], nil
	case 2: // progress
		return nil, nil
	case 3:
		return nil, &remoteError{text: printable(string(data[1:]))}
	}
	return nil, errFetchAnswer
}
