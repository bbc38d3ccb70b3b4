package reconcile

import (
	"hash/fnv"
	"strconv"
)

// Shard is one part of the tools: those that one daemon works on, where several share them. The zero value is all tools.
type Shard struct {
	// Index says which part: 0 to Count-1.
	Index int
	// Count is how many parts there are; all daemons must be told the same.
	Count int
}

// Owns tells whether a tool is in this part. It goes by a hash of the name, the same in every daemon and for ever: each
// tool is in exactly one part.
func (s Shard) Owns(tool string) bool {
	if s.Count <= 1 {
		return true
	}
	hash := fnv.New64a()
	hash.Write([]byte(tool))
	return hash.Sum64()%uint64(s.Count) == uint64(s.Index)
}

// First tells whether this is the part that also looks after what belongs to no tool: the builders.
func (s Shard) First() bool { return s.Index == 0 }

// Lease is the name of the Lease that the shard's leader holds.
func (s Shard) Lease() string { return "toolforged-" + strconv.Itoa(s.Index) }
