package reconcile

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// traceTail is how many lines of its trace a failed simulation shows.
const traceTail = 120

// modelTrace is what happened in a simulation: all of it as a hash, the end of it as text.
type modelTrace struct {
	hash  uint64
	lines []string
	count int
}

func (t *modelTrace) add(at time.Duration, format string, args ...any) {
	line := fmt.Sprintf("%12.3fs ", at.Seconds()) + fmt.Sprintf(format, args...)
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%x", t.hash)
	sum.Write([]byte(line))
	t.hash = sum.Sum64()
	if len(t.lines) < traceTail {
		t.lines = append(t.lines, line)
	} else {
		t.lines[t.count%traceTail] = line
	}
	t.count++
}

func (t *modelTrace) tail() string {
	if t.count <= traceTail {
		return strings.Join(t.lines, "\n")
	}
	first := t.count % traceTail
	return strings.Join(append(append([]string{}, t.lines[first:]...), t.lines[:first]...), "\n")
}
