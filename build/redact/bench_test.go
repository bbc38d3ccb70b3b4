package redact_test

import (
	"io"
	"testing"

	"github.com/toolforge/toolforged/build/redact"
)

func BenchmarkWriter(b *testing.B) {
	set, err := redact.New("hunter2hunter2", "glpat-0123456789abcdefghij", "correct horse battery staple")
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(sampleLog(1 << 20))
	b.SetBytes(int64(len(text)))
	w := set.Writer(io.Discard)
	for b.Loop() {
		if _, err := w.Write(text); err != nil {
			b.Fatal(err)
		}
	}
}
