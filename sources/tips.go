package sources

import (
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// hides says whether a server refused an object that it may have.
func hides(err error) bool {
	var remote *remoteError
	return errors.As(err, &remote) && remote.hides()
}

// fetchThroughRefs fetches a commit that the server does not give by its id: by a ref that leads to it, or else with the
// history of the branches and tags, within the limits. refusal is what the server said of the commit alone.
func (s *Snapshot) fetchThroughRefs(ctx context.Context, withoutBlobs bool, refusal error) error {
	scan, err := s.client.listTips(ctx, s.repo, s.commit.String())
	if err != nil {
		return err
	}
	wants, shallow := []plumbing.Hash{plumbing.NewHash(scan.holder)}, true
	if scan.holder == "" {
		wants, shallow = wants[:0], false
		for _, id := range scan.ids {
			wants = append(wants, plumbing.NewHash(id))
		}
	}
	if len(wants) == 0 || len(wants) == 1 && wants[0] == s.commit {
		return refusal // it was asked for already
	}
	err = s.client.fetch(ctx, s.repo, s.store, s.limits, func(to capabilities) fetchRequest {
		return s.request(wants, shallow && to.shallow, to, withoutBlobs)
	})
	switch {
	case errors.Is(err, ErrTooLarge) && !shallow:
		return failf(ErrTooLarge, err, "%s; the history is sent too, because the server of %s gives no commits but those that refs name (git: uploadpack.allowReachableSHA1InWant)",
			err, displayURL(s.repo.URL))
	case err != nil:
		return err
	case !s.store.has(s.commit):
		return refusal
	}
	return nil
}

// listTips looks through all refs for one that leads to a commit, and for those of branches and tags.
func (c *Client) listTips(ctx context.Context, repo Repository, commit string) (*refScan, error) {
	look := func() *refScan { return &refScan{tips: true, commit: commit} }
	scan := look()
	list := func(packets *packetReader) error { return wireErrorOrNil(repo, scan.list(packets)) }
	if repo.overSSH() {
		return scan, c.overSSH(ctx, repo, c.opts.MaxRefs, func() *refScan { scan = look(); return scan }, func(r *sshRun) error {
			if r.version < 2 {
				return nil
			}
			packets, _, err := r.send(lsRefsCommand(c.opts.UserAgent, tipPrefixes))
			if err != nil {
				return err
			}
			return list(packets)
		})
	}
	way, err := c.discover(ctx, repo, scan)
	if err != nil || way.version < 2 {
		return scan, err
	}
	body, err := c.post(ctx, repo, way.base, lsRefsCommand(c.opts.UserAgent, tipPrefixes), c.opts.MaxRefs)
	if err != nil {
		return scan, err
	}
	defer body.Close()
	return scan, list(newPacketReader(body))
}

func wireErrorOrNil(repo Repository, err error) error {
	if err == nil {
		return nil
	}
	return wireError(repo, err)
}

var tipPrefixes = []string{"HEAD", "refs/heads/", "refs/tags/"}

// list takes an answer to ls-refs.
func (s *refScan) list(packets *packetReader) error {
	for range maxOldRefs {
		kind, line, err := packets.next()
		if err != nil {
			return noEOF(err)
		}
		if kind == packetFlush {
			return nil
		}
		if kind != packetData {
			return errRefsAnswer
		}
		text := string(trimLine(line))
		id, name, err := parseRef(text)
		if err != nil {
			return err
		}
		if name == "" {
			continue // unborn
		}
		ref, _, _ := strings.Cut(text, " ")
		s.ref([]byte(ref), []byte(name))
		if id != ref {
			s.peel([]byte(id), []byte(name))
		}
	}
	return failf(ErrTooLarge, nil, "the repository has more than %d refs", maxOldRefs)
}
