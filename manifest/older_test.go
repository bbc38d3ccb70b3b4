package manifest

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// ownOrigin is what the broken files follow.
var ownOrigin = Origin{Repository: "https://git.example/tools/own", Ref: "main"}

var originComment = regexp.MustCompile(`(?m)^# origin: (\S+) (\S+)$`)

// TestOlderFiles compares what is said of testdata/older/*.yaml with the archive beside each: the notes, the file in v1, and
// the manifest. A comment in the file tells what its tool follows.
func TestOlderFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/older/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no older files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data := read(t, file)
			origin := originOf(data)
			m, problems := Parse(data, origin)
			if problems != nil {
				t.Fatalf("problems:\n%v", problems)
			}
			sameInV1(t, m, origin)
			compare(t, strings.TrimSuffix(file, ".yaml")+".txtar", txtar.Format(&txtar.Archive{
				Comment: []byte("Format: " + m.Format + "\n"),
				Files: []txtar.File{
					{Name: "notes", Data: []byte(lines(m.Notes))},
					{Name: "v1.yaml", Data: []byte(m.V1)},
					{Name: "manifest.json", Data: append(written(t, *m), '\n')},
				},
			}))
		})
	}
}

// originOf is what the tool of a file follows, as its comment tells.
func originOf(file []byte) Origin {
	parts := originComment.FindSubmatch(file)
	if parts == nil {
		return Origin{}
	}
	return Origin{Repository: string(parts[1]), Ref: string(parts[2])}
}

// sameInV1 checks that a manifest's V1 means the same as the file it is made from.
func sameInV1(t *testing.T, m *Manifest, origin Origin) {
	t.Helper()
	v1, problems := Parse([]byte(m.V1), origin)
	if problems != nil {
		t.Fatalf("the file in v1 has problems:\n%v\n%s", problems, m.V1)
	}
	if v1.Format != FormatV1 || v1.V1 != "" || v1.Notes != nil {
		t.Errorf("the file in v1 is in format %q, with the notes\n%v", v1.Format, lines(v1.Notes))
	}
	if diff := cmp.Diff(string(written(t, withoutWords(m))), string(written(t, *v1))); diff != "" {
		t.Errorf("the file in v1 means something else (-file +v1):\n%s\n%s", diff, m.V1)
	}
}

// withoutWords is the manifest without what v1 cannot say.
func withoutWords(m *Manifest) Manifest {
	without := *m
	if m.Webservice != nil {
		w := *m.Webservice
		w.ProcessOrCommand = false
		without.Webservice = &w
	}
	without.Jobs = nil
	for _, job := range m.Jobs {
		job.ProcessOrCommand = false
		without.Jobs = append(without.Jobs, job)
	}
	return without
}

func written(t *testing.T, m Manifest) []byte {
	t.Helper()
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func lines(notes []Note) string {
	var b strings.Builder
	for _, n := range notes {
		fmt.Fprintln(&b, n)
	}
	return b.String()
}
