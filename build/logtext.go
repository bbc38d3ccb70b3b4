package build

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

const (
	// maxLog bounds a kept log, in bytes before it is compressed: half of it from the beginning, half from the end.
	maxLog = 10 << 20
	// logPiece is how much is compressed at once, in bytes. What is left out is left out in such pieces.
	logPiece = 256 << 10
	// maxKept bounds what is read from the registry of a log that somebody kept there, in bytes.
	maxKept = maxLog + maxLog/16
)

// logFile keeps the beginning and the end of what is written to it, compressed.
type logFile struct {
	piece       bytes.Buffer
	first, last []packed
	kept        int // bytes in last
	cut         int // bytes left out
	size        int // bytes in first
	err         error
}

// packed is a member of a gzip file, and how many bytes it stands for.
type packed struct {
	data []byte
	size int
}

// Write implements io.Writer.
func (f *logFile) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && f.err == nil; {
		n := min(len(rest), logPiece-f.piece.Len())
		f.piece.Write(rest[:n])
		if rest = rest[n:]; f.piece.Len() == logPiece {
			f.pack()
		}
	}
	return len(p), f.err
}

func (f *logFile) pack() {
	member, err := pack(f.piece.Bytes())
	if err != nil {
		f.err = err
		return
	}
	size := f.piece.Len()
	f.piece.Reset()
	if len(f.last) == 0 && f.size+size <= maxLog/2 {
		f.first = append(f.first, packed{member, size})
		f.size += size
		return
	}
	f.last = append(f.last, packed{member, size})
	for f.kept += size; f.kept > maxLog/2; {
		f.kept -= f.last[0].size
		f.cut += f.last[0].size
		f.last = f.last[1:]
	}
}

// close returns the gzip file.
func (f *logFile) close() ([]byte, error) {
	f.pack()
	var whole []byte
	for _, member := range f.first {
		whole = append(whole, member.data...)
	}
	if f.cut > 0 {
		member, err := pack(fmt.Appendf(nil, "\n[%d bytes are left out here: of a log, the first and the last %d MiB are kept]\n", f.cut, maxLog>>21))
		if err != nil {
			return nil, err
		}
		whole = append(whole, member...)
	}
	for _, member := range f.last {
		whole = append(whole, member.data...)
	}
	return whole, f.err
}

func pack(text []byte) ([]byte, error) {
	var member bytes.Buffer
	w := gzip.NewWriter(&member)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return member.Bytes(), nil
}

// tailKept bounds what a record keeps of a log, in bytes.
const tailKept = 4 << 10

// logTail keeps the end of what is written to it.
type logTail struct{ text []byte }

// Write implements io.Writer.
func (t *logTail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - 2*tailKept; over > 0 {
		t.text = append(t.text[:0], t.text[len(t.text)-tailKept-1:]...)
	}
	return len(p), nil
}

// String is the end in whole lines.
func (t *logTail) String() string {
	text := strings.ToValidUTF8(string(t.text), "\uFFFD")
	if len(text) > tailKept {
		text = text[len(text)-tailKept:]
		if _, whole, ok := strings.Cut(text, "\n"); ok {
			text = whole
		}
		text = strings.ToValidUTF8(text, "")
	}
	if strings.TrimSpace(text) == "" {
		return noLog
	}
	return text
}
