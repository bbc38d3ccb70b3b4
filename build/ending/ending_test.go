package ending

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestRoundTrip(t *testing.T) {
	want := Ending{
		Phases:  []Phase{{"detect", 12}, {"build", 3400}},
		Bound:   Disk,
		Message: "the build took <too much> & more",
		Notes:   []string{"the cache was dropped"},
	}
	file := filepath.Join(t.TempDir(), "ending")
	if err := want.Write(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, message string
		want          Ending
		says          string
	}{
		{name: "nothing", message: "", says: "read a container's ending"},
		{name: "no JSON", message: "panic: oh", says: "read a container's ending"},
		{name: "another shape", message: `{"phases": 7}`, says: "read a container's ending"},
		{name: "too long", message: `{"message":"` + strings.Repeat("x", maxSize) + `"}`, says: "more than 4096"},
		{name: "unknown bound", message: `{"bound":"money"}`},
		{name: "unknown fields", message: `{"image":"evil","bound":"memory"}`, want: Ending{Bound: Memory}},
		{name: "times", message: `{"phases":[{"name":"a","ms":-5},{"name":"b","ms":999999999999}]}`,
			want: Ending{Phases: []Phase{{"a", 0}, {"b", maxTime.Milliseconds()}}}},
		{name: "control characters", message: `{"message":"a\u001b[31mb\nc\u202ed"}`, want: Ending{Message: "a[31mb cd"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.message)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("error %v, want %q", err, test.says)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v; -want +got:\n%s", err, diff)
			}
		})
	}
}

// Whatever is written can be read, however long it is.
func TestWriteIsBounded(t *testing.T) {
	long := strings.Repeat("é\"\\", 10_000)
	e := Ending{Message: long, Notes: []string{long, long, long, long, long, long}}
	for range 20 {
		e.Phases = append(e.Phases, Phase{long, 1})
	}
	file := filepath.Join(t.TempDir(), "ending")
	if err := e.Write(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Message) > maxMessage || len(got.Message) < maxMessage-8 || len(got.Phases) != maxPhases {
		t.Errorf("a message of %d bytes, %d phases", len(got.Message), len(got.Phases))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"phases":[{"name":"detect","ms":12}],"bound":"memory","message":"x","notes":["y"]}`)
	f.Add(`{"message":"\ud800\u0000"}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, message string) {
		e, err := Parse(message)
		if err != nil {
			return
		}
		if len(e.Phases) > maxPhases || len(e.Notes) > maxNotes || !e.Bound.known() {
			t.Errorf("beyond its bounds: %+v", e)
		}
		texts := append([]string{e.Message}, e.Notes...)
		for _, phase := range e.Phases {
			texts = append(texts, phase.Name)
			if phase.Milliseconds < 0 || phase.Milliseconds > maxTime.Milliseconds() {
				t.Errorf("%d ms", phase.Milliseconds)
			}
		}
		for _, text := range texts {
			if len(text) > maxMessage || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("text of %d bytes: %.100q", len(text), text)
			}
		}
	})
}
