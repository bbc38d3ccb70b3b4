package manifest

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What reading a file of the largest size may cost, whatever is in it.
const (
	maxCPU       = 100 * time.Millisecond
	maxAllocated = 64 << 20
)

// cost is what a function takes: the time that the processor worked on it, and the bytes it allocated.
type cost struct {
	cpu       time.Duration
	allocated uint64
}

func (c cost) tooHigh() bool { return c.cpu > maxCPU || c.allocated > maxAllocated }

// costOf takes the best of several tries when the first costs too much: on a machine that is busy with other things even the
// processor's time for one thread varies.
func costOf(f func()) cost {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	best := cost{math.MaxInt64, math.MaxUint64}
	for try := 0; try < 5 && best.tooHigh(); try++ {
		cpu, allocated := threadTime(), allocations()
		f()
		best.cpu = min(best.cpu, threadTime()-cpu)
		best.allocated = min(best.allocated, allocations()-allocated)
	}
	return best
}

// threadTime is how long the processor has worked on this thread, as Linux counts it.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var usage syscall.Rusage
	if err := syscall.Getrusage(thread, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func allocations() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// TestCost reads files of the largest size that are made to be costly.
func TestCost(t *testing.T) {
	for name, text := range costlyFiles() {
		t.Run(name, func(t *testing.T) {
			for _, data := range [][]byte{largest(text), densest(text)} {
				if c := costOf(func() { Parse(data, ownOrigin) }); c.tooHigh() {
					t.Errorf("%d bytes cost %s and %d MiB", len(data), c.cpu, c.allocated>>20)
				}
			}
		})
	}
}

// largest cuts a file to the size that is allowed.
func largest(text string) []byte { return []byte(text[:min(len(text), maxFileBytes)]) }

// densest cuts it further, until it is not refused for its marks.
func densest(text string) []byte {
	data := largest(text)
	end := sort.Search(len(data), func(n int) bool { return marks(data[:n]) > maxMarks })
	return data[:max(end-1, 0)]
}

// FuzzCost looks for parts of which a file of the largest size is costly.
func FuzzCost(f *testing.F) {
	for _, seed := range []struct{ first, unit, last string }{
		{"x-a: [", "a,", "]"}, {"x-a:\n", "- a\n", "}"}, {"", "[", ""}, {"", "- ", ""}, {"", "? ", ""}, {"", "a: #\n", ""}, {"jobs: [{", "k: ,", "}]"},
		{"x-a: &a [b]\nx-b: [", "*a,", "]"}, {"x-a: &a {}\nwebservice: {<<: [", "*a,", "]}"}, {"a: '", "b\n ", ""}, {"", "a\n", ""},
		{"", "%TAG !a! b\n", ""}, {"", "\r", ""}, {"", "\tb: c\n", ""}, {"a: >\n", " b\n\n", ""}, {"", "--- a\n", ""}, {"a: ", "\u65e5", "\n]"},
		{"jobs: [", "{schedule: '1,1,1 * * * *'},", "]"}, {"", "{a: ", ""}, {"a: \"", "\\x41", "\""}, {"[", "1e1,", "0"}, {"[", "0x_,", "0"}, {"[", "9:9,", ""},
	} {
		f.Add(seed.first, seed.unit, seed.last)
	}
	f.Fuzz(func(t *testing.T, first, unit, last string) {
		room := maxFileBytes - len(first) - len(last)
		if unit == "" || room < len(unit) {
			return
		}
		times := room / len(unit)
		if more := marks([]byte(unit+unit)) - marks([]byte(unit)); more > 0 {
			times = min(times, maxMarks/more)
		}
		text := []byte(first + strings.Repeat(unit, times) + last)
		if c := costOf(func() { Parse(text, ownOrigin) }); c.tooHigh() {
			t.Errorf("%q, %q again and again, %q: %s and %d MiB", first, unit, last, c.cpu, c.allocated>>20)
		}
	})
}
