package status

import "strings"

// tail keeps the end of what is written to it.
type tail struct {
	most int
	kept []byte
	cut  bool
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.most {
		t.shorten()
	}
	return len(p), nil
}

func (t *tail) shorten() {
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.cut = true
	}
}

// String is what was kept: whole lines, after a … where something is left out before them.
func (t *tail) String() string {
	t.shorten()
	text := string(t.kept)
	if !t.cut {
		return text
	}
	if _, whole, ok := strings.Cut(text, "\n"); ok {
		text = whole
	}
	return "…\n" + strings.ToValidUTF8(text, "")
}
