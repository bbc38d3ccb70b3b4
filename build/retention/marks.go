package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/toolforge/toolforged/registry"
)

const (
	// marksTag is where the marks of a tool are, beside its caches: in a repository of which no build has the name.
	marksTag       = "unneeded"
	marksMediaType = "application/vnd.toolforge.retention.v1+json"
	// maxMarks bounds them, in bytes.
	maxMarks = 4 << 20
)

func marksRepository(tool string) string { return "cache/tool-" + tool }

// storedMarks are marks as they are kept.
type storedMarks struct {
	Unneeded map[string]time.Time `json:"unneeded"`
}

// parseMarks reads marks. What is said of the future is said of now: it is nothing to wait for longer.
func parseMarks(data []byte, now time.Time) (marks, error) {
	var stored storedMarks
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("read the marks of what is not needed: %w", err)
	}
	read := make(marks, len(stored.Unneeded))
	for name, since := range stored.Unneeded {
		if since.After(now) {
			since = now
		}
		read[name] = since
	}
	return read, nil
}

// readMarks reads those of a tool; there are none where there is nothing that can be read: then all begins anew.
func (s *Sweeper) readMarks(ctx context.Context, r Registry, tool string) (marks, error) {
	kept, err := r.Kept(ctx, s.reference(marksRepository(tool), marksTag), maxMarks)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	was, err := parseMarks(kept.Data, s.Now())
	if err != nil {
		s.Log.Warn("marks cannot be read, and begin anew", "tool", tool, "error", err)
	}
	return was, nil
}

// writeMarks keeps those of a tool; without any, what was kept is removed.
func (s *Sweeper) writeMarks(ctx context.Context, r Registry, tool string, m marks) error {
	reference := s.reference(marksRepository(tool), marksTag)
	if len(m) == 0 {
		behind, err := r.Behind(ctx, reference)
		if errors.Is(err, registry.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return r.Remove(ctx, s.digest(marksRepository(tool), behind.Digest))
	}
	data, err := json.Marshal(storedMarks{m})
	if err != nil {
		return fmt.Errorf("encode the marks of tool %s: %w", tool, err)
	}
	return r.Keep(ctx, reference, registry.Artifact{MediaType: marksMediaType, Data: data})
}

func (s *Sweeper) reference(repository, tag string) string {
	return s.Prefix + "/" + repository + ":" + tag
}

func (s *Sweeper) digest(repository, digest string) string {
	return s.Prefix + "/" + repository + "@" + digest
}
