package status_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func sampleDirectory() *v1alpha1.Directory {
	return &v1alpha1.Directory{
		ObjectMeta: metav1.ObjectMeta{Name: "wiki", Generation: 1},
		Spec:       v1alpha1.DirectorySpec{Repository: "https://forge.example/tools.git", Ref: "main", Path: "tools"},
		Status: v1alpha1.DirectoryStatus{
			ObservedGeneration: 1,
			Conditions:         []metav1.Condition{condition("Ready", metav1.ConditionFalse, v1alpha1.DirectoryRemovalsRefused, "too many would go "+hostile)},
			Seen:               &v1alpha1.Revision{Commit: badCommit, SeenAt: before(0)},
			Applied:            goodCommit,
			Files:              7,
			Tools:              9,
			Problems:           []v1alpha1.FileProblem{{File: "tools/zeta.yaml", Line: 3, Column: 1, Message: "unknown key " + hostile}},
			Withheld:           []string{"alpha", "beta"},
		},
	}
}

func TestDirectoriesPage(t *testing.T) {
	body := get(status.New(options(t, reader(t, sampleDirectory()))), "/directories").Body.String()
	if strings.Contains(body, "<script>alert") {
		t.Error("what a file says is not escaped")
	}
	page := strings.Join(strings.Fields(text(parse(t, body))), " ")
	for _, want := range []string{"wiki failing", "https://forge.example/tools.git at main", "9, of 7 files", badCommit[:7], goodCommit[:7],
		"alpha , beta", "tools/zeta.yaml:3:1 unknown key"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

func TestDirectoriesAsJSON(t *testing.T) {
	var list status.DirectoryList
	if err := json.Unmarshal(get(status.New(options(t, reader(t, sampleDirectory()))), "/api/v1/directories").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Directories) != 1 {
		t.Fatalf("%d directories", len(list.Directories))
	}
	d := list.Directories[0]
	if d.Name != "wiki" || d.Ready != "False" || d.Reason != "RemovalsRefused" || d.Tools != 9 || d.AppliedCommit != goodCommit || len(d.Withheld) != 2 ||
		len(d.Problems) != 1 || d.Problems[0].File != "tools/zeta.yaml" || d.Problems[0].Line != 3 {
		t.Errorf("got %+v", d)
	}
}

func TestPagesOfPolls(t *testing.T) {
	for tool, want := range map[string]string{"zeta": "/tools/zeta", "directory:wiki": "/directories#wiki"} {
		if got := (status.Poll{Tool: tool}).Page(); got != want {
			t.Errorf("%s leads to %s; want %s", tool, got, want)
		}
	}
}
