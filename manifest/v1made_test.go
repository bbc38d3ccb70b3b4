package manifest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestV1For writes each of testdata/older/*.yaml for images that have every process type, none, and are not made.
func TestV1For(t *testing.T) {
	files, err := filepath.Glob("testdata/older/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no older files: %v", err)
	}
	words := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data := read(t, file)
			m, problems := Parse(data, originOf(data))
			if problems != nil {
				t.Fatal(problems)
			}
			if diff := cmp.Diff(m.V1, m.V1For(func(Run) ([]string, bool) { return nil, false })); diff != "" {
				t.Errorf("before the images are made (-V1 +V1For):\n%s", diff)
			}
			offered := withoutWords(m)
			checkV1For(t, &offered, m.V1For(func(Run) ([]string, bool) { return nil, true }), data)
			for _, p := range m.Processes() {
				if p.Run.ProcessOrCommand {
					words++
					p.Run.Process, p.Run.Command = p.Run.Command, ""
				}
			}
			offered = withoutWords(m)
			again, _ := Parse(data, originOf(data))
			checkV1For(t, &offered, again.V1For(func(run Run) ([]string, bool) { return []string{"other", run.Command}, true }), data)
		})
	}
	if words == 0 {
		t.Error("no file has a command of one word")
	}
}

// checkV1For reads what was offered, and compares what it means.
func checkV1For(t *testing.T, wanted *Manifest, v1 string, file []byte) {
	t.Helper()
	if strings.Contains(v1, "or process") {
		t.Errorf("it is known what each command is, but the text still asks:\n%s", v1)
	}
	m, problems := Parse([]byte(v1), originOf(file))
	if problems != nil {
		t.Fatalf("%v\n%s", problems, v1)
	}
	if diff := cmp.Diff(string(written(t, *wanted)), string(written(t, *m))); diff != "" {
		t.Errorf("the file in v1 means something else (-wanted +got):\n%s\n%s", diff, v1)
	}
}
