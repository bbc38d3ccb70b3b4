package reconcile

import (
	"fmt"
	"strings"
	"testing"
)

// Each tool is in exactly one part, and the parts are about as large as each other.
func TestShardsSpread(t *testing.T) {
	const tools = 4000
	for _, count := range []int{1, 2, 3, 4, 7, 10} {
		owned := make([]int, count)
		for i := range tools {
			name, owners := fmt.Sprintf("tool-%d", i), 0
			for index := range count {
				if (Shard{Index: index, Count: count}).Owns(name) {
					owned[index]++
					owners++
				}
			}
			if owners != 1 {
				t.Fatalf("%d of %d shards own %s", owners, count, name)
			}
		}
		for index, n := range owned {
			if even := tools / count; n < even*8/10 || n > even*12/10 {
				t.Errorf("shard %d of %d owns %d tools, want about %d", index, count, n, even)
			}
		}
	}
}

// Another version of toolforged must not come to another answer: two daemons would work on one tool, and none on another.
func TestShardsAreStable(t *testing.T) {
	for _, test := range []struct {
		tool  string
		count int
		want  int
	}{
		{"hello", 2, 1},
		{"wikibento", 7, 2},
		{"cluebotng", 7, 4},
		{"fourohfour", 2, 0},
		{"fourohfour", 5, 2},
		{"lexeme-forms", 5, 4},
	} {
		for index := range test.count {
			if got := (Shard{Index: index, Count: test.count}).Owns(test.tool); got != (index == test.want) {
				t.Errorf("shard %d of %d owns %s: %t", index, test.count, test.tool, got)
			}
		}
	}
	if !(Shard{}).Owns("hello") {
		t.Error("the only daemon does not own every tool")
	}
}

// Two daemons share the tools: whatever wakes a tool wakes it in one of them only.
func TestShards(t *testing.T) {
	var shards []*daemon
	for index := range 2 {
		shards = append(shards, startDaemon(t, func(tools *Tools) { tools.Shard = Shard{Index: index, Count: 2} }))
	}
	for _, name := range []string{"hello", "wikibento", "fourohfour", "cluebotng"} {
		tool := addNamedTool(t, name)
		owner, other := shards[0], shards[1]
		if shards[1].shard.Owns(name) {
			owner, other = other, owner
		}
		owner.push(tool, "one", site, "tree1")
		owner.untilServing(tool, "one")
		if looks := other.revisions.looked(name); looks > 0 {
			t.Errorf("%s was looked at %d times by the daemon of the other shard", name, looks)
		}
	}
	for _, d := range shards {
		for _, write := range objectWrites(d.wire.take()) {
			if write == keysMade {
				continue
			}
			if name := strings.Split(strings.TrimPrefix(write[strings.Index(write, "tool-"):], "tool-"), "/")[0]; !d.shard.Owns(name) {
				t.Errorf("shard %d wrote %s", d.shard.Index, write)
			}
		}
	}
}
