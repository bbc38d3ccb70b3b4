package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// fetchRequest is what is asked of one fetch command.
type fetchRequest struct {
	wants []plumbing.Hash
	// shallow leaves out the history of wanted commits; noBlobs the blobs that are not wanted by their id.
	shallow bool
	noBlobs bool
}

func (f fetchRequest) command(agent string) []byte {
	var w packetWriter
	w.line("command=fetch")
	w.line("agent=%s", agent)
	w.line("object-format=sha1")
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

// fetch asks for objects and puts them into the store.
func (c *Client) fetch(ctx context.Context, repo Repository, way route, request fetchRequest, store objectStore, limits limits) error {
	if !way.capabilities.fetch {
		return failf(ErrProtocol, nil, "the server of %s does not offer the fetch command of git protocol version 2", displayURL(repo.URL))
	}
	body, err := c.post(ctx, repo, way.base, request.command(c.opts.UserAgent), limits.pack)
	if err != nil {
		return err
	}
	defer body.Close()
	pack, err := openPack(body)
	if err == nil {
		err = unpack(ctx, pack, store, limits)
	}
	return c.fetchError(repo, request, err)
}

func (c *Client) fetchError(repo Repository, request fetchRequest, err error) error {
	var remote *remoteError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &remote) && strings.Contains(remote.text, "not our ref"):
		return failf(ErrNoCommit, err, "the commit %s does not exist in %s", request.wants[0], displayURL(repo.URL))
	case errors.Is(err, context.DeadlineExceeded):
		return unreachable(repo, err)
	}
	return wireError(repo, err)
}

// remoteError is what a server says went wrong.
type remoteError struct{ text string }

func (e *remoteError) Error() string { return fmt.Sprintf("it says %q", e.text) }

// errFetchAnswer says that an answer to fetch is not one.
var errFetchAnswer = errors.New("malformed answer to fetch")

// openPack reads an answer to fetch up to its packfile section, and returns the reader of the pack.
func openPack(r io.Reader) (io.Reader, error) {
	packets := newPacketReader(r)
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
