package build

import (
	"testing"

	"github.com/toolforge/toolforged/registry"
)

func TestOrder(t *testing.T) {
	known := []registry.Buildpack{{ID: "toolforge/python", Version: "1.0"}, {ID: "toolforge/procfile", Version: "2.0"}}
	const group = "[[order.group]]\nid = "
	for _, test := range []struct {
		name              string
		languages, always []string
		want, err         string
	}{
		{"a language", []string{"toolforge/python"}, nil,
			"[[order]]\n" + group + "\"toolforge/python\"\nversion = \"1.0\"\noptional = false\n", ""},
		{"and always", []string{"toolforge/python"}, []string{"toolforge/procfile"},
			"[[order]]\n" + group + "\"toolforge/python\"\nversion = \"1.0\"\noptional = false\n" +
				group + "\"toolforge/procfile\"\nversion = \"2.0\"\noptional = true\n", ""},
		{"unknown language", []string{"cobol"}, nil, "", `the builder has no buildpack "cobol"`},
		{"unknown always", nil, []string{"gone"}, "", `the builder has no buildpack "gone"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Order(known, test.languages, test.always)
			if text := errorText(err); text != test.err {
				t.Fatalf("error %q, want %q", text, test.err)
			}
			if got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestPlatformAPI(t *testing.T) {
	for _, test := range []struct {
		name    string
		offered []string
		want    string
		err     string
	}{
		{"newest of both", []string{"0.7", "0.12", "0.15", "0.14"}, "0.15", ""},
		{"older lifecycle", []string{"0.12", "0.13"}, "0.13", ""},
		{"newer lifecycle", []string{"0.15", "0.16"}, "0.15", ""},
		{"too old", []string{"0.3"}, "", "its lifecycle speaks the platform APIs 0.3; toolforged speaks 0.15, 0.14, 0.13, 0.12"},
		{"none", nil, "", "its lifecycle speaks the platform APIs ; toolforged speaks 0.15, 0.14, 0.13, 0.12"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := PlatformAPI(test.offered)
			if got != test.want || errorText(err) != test.err {
				t.Errorf("got %q, %v; want %q, %q", got, err, test.want, test.err)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
