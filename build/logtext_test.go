package build

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"
)

func unpack(t *testing.T, data []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLogFile(t *testing.T) {
	for _, lines := range []int{0, 1, 1000, 100_000, 1_000_000} {
		f := &logFile{}
		var text strings.Builder
		for i := range lines {
			fmt.Fprintf(&text, "this is line %d of the log\n", i)
		}
		if _, err := io.Copy(f, strings.NewReader(text.String())); err != nil {
			t.Fatal(err)
		}
		data, err := f.close()
		if err != nil {
			t.Fatal(err)
		}
		got := unpack(t, data)
		if text.Len() <= maxLog/2 && got != text.String() {
			t.Errorf("%d lines: %d bytes became %d", lines, text.Len(), len(got))
		}
		if len(got) > maxLog+100 {
			t.Errorf("%d lines: %d bytes are kept", lines, len(got))
		}
		first, last, cut := strings.Cut(got, "bytes are left out here")
		if cut != (text.Len() > maxLog) {
			t.Errorf("%d lines of %d bytes: cut %t", lines, text.Len(), cut)
		}
		if cut && (!strings.HasPrefix(text.String(), first[:len(first)-20]) || !strings.HasSuffix(text.String(), last[100:])) {
			t.Errorf("%d lines: the beginning or the end is another", lines)
		}
	}
}

func TestLogTail(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", noLog},
		{" \n", noLog},
		{"a\nb\n", "a\nb\n"},
		{"a\xffb", "a\uFFFDb"},
	} {
		tail := &logTail{}
		_, _ = io.WriteString(tail, test.text)
		if got := tail.String(); got != test.want {
			t.Errorf("%q: %q", test.text, got)
		}
	}
	tail := &logTail{}
	for range 1000 {
		_, _ = io.WriteString(tail, "0123456789abcdé\n")
	}
	_, _ = io.WriteString(tail, "the end\n")
	got := tail.String()
	if len(got) > tailKept || !strings.HasSuffix(got, "é\nthe end\n") || !strings.HasPrefix(got, "0123456789abcdé\n") {
		t.Errorf("%d bytes, beginning with %.20q", len(got), got)
	}
}

func TestHeaded(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "===> export\n"},
		{"line", "===> export\nline\n"},
		{"line\n", "===> export\nline\n"},
		{"==", "===> export\n==\n"},
		{"===> detect\nline\n", "===> detect\nline\n"},
	} {
		for _, size := range []int{1, 3, 100} {
			var out strings.Builder
			h := &headed{to: &out, heading: headingOf("export")}
			for rest := test.text; rest != ""; {
				n := min(size, len(rest))
				if _, err := h.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := h.close(); err != nil || out.String() != test.want {
				t.Errorf("%q in pieces of %d: %q, %v", test.text, size, out.String(), err)
			}
		}
	}
}
