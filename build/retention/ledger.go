package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/toolforge/toolforged/registry"
)

const (
	// ledgerRepository is where the ledgers are, a tag for each shard.
	ledgerRepository = "cache"
	ledgerMediaType  = "application/vnd.toolforge.retention.ledger.v1+json"
	// maxLedger bounds one, in bytes.
	maxLedger = 16 << 20
)

// ledger names the builds of every tool that may have something in the registry: so what a tool has left is found when the tool is
// gone, also where the registry does not list its repositories.
type ledger map[string][]string

// name is what a tool or a build may be called.
var name = regexp.MustCompile(`^[a-z0-9-]{1,63}$`)

// parseLedger reads a ledger, but for what is no name.
func parseLedger(data []byte) (ledger, error) {
	var stored struct {
		Tools ledger `json:"tools"`
	}
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fmt.Errorf("read the ledger of tools: %w", err)
	}
	read := ledger{}
	for tool, builds := range stored.Tools {
		if name.MatchString(tool) {
			read[tool] = slices.DeleteFunc(builds, func(build string) bool { return !name.MatchString(build) })
		}
	}
	return read, nil
}

// readLedger reads that of the shard; it is empty where there is none that can be read.
func (s *Sweeper) readLedger(ctx context.Context, r Registry) (ledger, error) {
	kept, err := r.Kept(ctx, s.reference(ledgerRepository, s.Shard), maxLedger)
	if errors.Is(err, registry.ErrNotFound) {
		return ledger{}, nil
	}
	if err != nil {
		return nil, err
	}
	was, err := parseLedger(kept.Data)
	if err != nil {
		s.Log.Warn("the ledger cannot be read, and begins anew", "error", err)
	}
	return was, nil
}

// writeLedger keeps what is known now, when that is not what was kept.
func (s *Sweeper) writeLedger(ctx context.Context, r Registry, was, now ledger) error {
	if maps.EqualFunc(now, was, slices.Equal) {
		return nil
	}
	data, err := json.Marshal(map[string]ledger{"tools": now})
	if err != nil {
		return fmt.Errorf("encode the ledger of tools: %w", err)
	}
	return r.Keep(ctx, s.reference(ledgerRepository, s.Shard), registry.Artifact{MediaType: ledgerMediaType, Data: data})
}
