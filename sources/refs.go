package sources

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxRefsAnswer bounds the bytes and maxRefs the refs that are read to find one ref.
const (
	maxRefsAnswer = 1 << 20
	maxRefs       = 10_000
)

// Resolve says which commit the repository's ref names now, as 40 hexadecimal digits. Annotated tags are followed to
// what they name. A full commit id is returned as it is, without asking.
//
// It is one request, whatever the number of refs; servers that speak no version 2 send all of them, and none is kept. Errors are ErrInvalid, ErrNotFound, ErrAuthentication, ErrNoRef,
// ErrUnreachable, ErrProtocol or ErrTooLarge.
func (c *Client) Resolve(ctx context.Context, repo Repository) (string, error) {
	if err := repo.Validate(); err != nil {
		return "", err
	}
	names, err := candidates(repo.ref())
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return repo.Ref, nil
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	commit, err := c.resolve(ctx, repo, names)
	if err != nil {
		return "", err
	}
	if commit == "" {
		return "", noRef(repo)
	}
	return commit, nil
}

// resolve returns the commit of the first of names that exists, or "".
func (c *Client) resolve(ctx context.Context, repo Repository, names []string) (commit string, err error) {
	if repo.overSSH() {
		var scan *refScan
		look := func() *refScan { scan = scanFor(names); return scan }
		err = c.overSSH(ctx, repo, c.opts.MaxRefs, look, func(r *sshRun) error {
			if r.version < 2 {
				commit = scan.found
				return nil
			}
			commit, err = r.refs(c.opts.UserAgent, names)
			return err
		})
		return commit, err
	}
	err = c.along(ctx, repo, false, scanFor(names), func(way route) error {
		if way.known && way.version < 2 && way.scan == nil {
			if way, err = c.discover(ctx, repo, scanFor(names)); err != nil {
				return err
			}
		}
		if way.known && way.version < 2 {
			commit = way.scan.found
			return nil
		}
		commit, err = c.listRefs(ctx, repo, way, names)
		return err
	})
	return commit, err
}

func noRef(repo Repository) error {
	where, ref := displayURL(repo.URL), repo.ref()
	switch {
	case ref == "HEAD":
		return failf(ErrNoRef, nil, "%s has no commit yet, or its default branch does not exist", where)
	case strings.HasPrefix(ref, "refs/"):
		return failf(ErrNoRef, nil, "the ref %q does not exist in %s", ref, where)
	}
	return failf(ErrNoRef, nil, "branch or tag %q does not exist in %s", ref, where)
}

// listRefs asks for refs that begin with one of the names and returns the commit of the first name that exists, or "".
func (c *Client) listRefs(ctx context.Context, repo Repository, way route, names []string) (string, error) {
	body, err := c.post(ctx, repo, way.base, lsRefsCommand(c.opts.UserAgent, names), maxRefsAnswer)
	if err != nil {
		return "", err
	}
	defer body.Close()
	commit, err := readRefs(newPacketReader(body), names)
	if err != nil {
		return "", wireError(repo, err)
	}
	return commit, nil
}

func lsRefsCommand(agent string, names []string) []byte {
	var w packetWriter
	w.line("command=ls-refs")
	w.line("agent=%s", agent)
	w.delim()
	w.line("peel")
	for _, name := range names {
		w.line("ref-prefix %s", name)
	}
	w.flush()
	return w.Bytes()
}

// errRefsAnswer says that an answer to ls-refs is not one.
var errRefsAnswer = errors.New("malformed list of refs")

// readRefs reads an answer to ls-refs and returns the object that the first of names that it lists leads to, or "".
// A prefix matches more than the name, so the names are compared in full.
func readRefs(packets *packetReader, names []string) (string, error) {
	best, commit := len(names), ""
	for range maxRefs {
		kind, line, err := packets.next()
		if err != nil {
			return "", noEOF(err)
		}
		if kind == packetFlush {
			return commit, nil
		}
		if kind != packetData {
			return "", errRefsAnswer
		}
		id, name, err := parseRef(string(trimLine(line)))
		if err != nil {
			return "", err
		}
		if at := slices.Index(names, name); at >= 0 && at < best {
			best, commit = at, id
		}
		if best == 0 {
			return commit, nil
		}
	}
	return "", failf(ErrTooLarge, nil, "more than %d refs begin with %q: name the ref in full", maxRefs, names[0])
}

// parseRef reads "<id> <name> [peeled:<id>] …" and returns the peeled id if there is one. The id of an unborn branch is "".
func parseRef(line string) (id, name string, err error) {
	if text, ok := strings.CutPrefix(line, "ERR "); ok {
		return "", "", fmt.Errorf("it says %q", printable(text))
	}
	id, rest, ok := strings.Cut(line, " ")
	if !ok || (!isCommitID(id) && id != "unborn") {
		return "", "", errRefsAnswer
	}
	name, attributes, _ := strings.Cut(rest, " ")
	if id == "unborn" {
		return "", "", nil
	}
	for attribute := range strings.FieldsSeq(attributes) {
		if peeled, ok := strings.CutPrefix(attribute, "peeled:"); ok {
			if !isCommitID(peeled) {
				return "", "", errRefsAnswer
			}
			id = peeled
		}
	}
	return id, name, nil
}
