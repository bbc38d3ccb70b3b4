package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-logr/logr"

	"net/http"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/directory"
	"github.com/toolforge/toolforged/sources"
	"github.com/toolforge/toolforged/sources/signed"
)

// lister is the controller of Directories on a real API server; no controller works on the Tools.
type lister struct {
	t         *testing.T
	admin     client.Client
	revisions *revisions
	waker     *Waker
	wire      *wire
	log       *journal
	stop      func()
}

func startLister(t *testing.T) *lister {
	t.Helper()
	s := server.start(t)
	l := &lister{t: t, admin: s.admin, revisions: newRevisions(), waker: &Waker{}, wire: &wire{}, log: &journal{}}
	l.run(s)
	return l
}

// run starts the controller; it ends with the test, or by stop.
func (l *lister) run(s *apiServer) {
	l.t.Helper()
	config := rest.CopyConfig(s.config)
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { l.wire.next = next; return l.wire })
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme(), Metrics: metricsserver.Options{BindAddress: "0"}, Cache: CacheOptions(nil), Logger: logr.Discard(),
		Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	tools := NewTools(Tools{
		Config: Config{BuildNamespace: buildNamespace}, Client: manager.GetClient(), Live: manager.GetAPIReader(),
		Revisions: l.revisions, Events: recorder{l.t, l.log}, Now: time.Now,
	})
	l.waker = &Waker{}
	if err := (&Directories{Tools: tools}).SetupWithManager(manager, l.waker); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	stopped := false
	l.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			l.t.Errorf("the controller ended: %v", err)
		}
	}
	l.t.Cleanup(l.stop)
}

// add makes a Directory named for the test. It and its Tools go with the test.
func (l *lister) add(name string) *api.Directory {
	l.t.Helper()
	of := &api.Directory{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: api.DirectorySpec{Repository: "https://git.example/" + name + ".git"}}
	of.Spec.Interval.Duration = time.Minute
	if err := l.admin.Create(l.t.Context(), of); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = l.admin.Delete(context.Background(), of)
		_ = l.admin.DeleteAllOf(context.Background(), &api.Tool{}, client.MatchingLabels{api.DirectoryLabel: name})
	})
	return of
}

// push has the poller see a commit of a directory with these files.
func (l *lister) push(of *api.Directory, name string, files map[string]string) {
	l.show(of, sources.Observation[Revision]{Commit: commit(name), Seen: commit(name), Value: Revision{Listing: listing(files)}})
}

func (l *lister) show(of *api.Directory, seen sources.Observation[Revision]) {
	seen.Reading = directoryReading + "tools"
	l.revisions.set(directoryWatch+of.Name, seen)
	l.waker.Wake(of.Name)
}

func listing(files map[string]string) directory.Listing {
	var l directory.Listing
	for name, text := range files {
		l.Files = append(l.Files, directory.Parse("tools/"+name+".yaml", []byte(text)))
	}
	slices.SortFunc(l.Files, func(a, b *directory.File) int { return strings.Compare(a.Path, b.Path) })
	return l
}

// until waits for a condition of a directory whose Ready speaks of that commit, and returns the message.
func (l *lister) until(of *api.Directory, name, condition string, status metav1.ConditionStatus, reason string) string {
	l.t.Helper()
	var found *metav1.Condition
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err := l.admin.Get(l.t.Context(), client.ObjectKeyFromObject(of), of); err != nil {
			l.t.Fatal(err)
		}
		found = conditions.Get(of, condition)
		if found != nil && found.Status == status && found.Reason == reason && (name == "" || of.Status.Seen != nil && of.Status.Seen.Commit == commit(name)) {
			return found.Message
		}
	}
	l.t.Fatalf("condition %s is %+v at %+v; want %s, %s of commit %s", condition, found, of.Status.Seen, status, reason, name)
	return ""
}

// tools are the names of a directory's Tools, sorted.
func (l *lister) tools(of *api.Directory) string {
	l.t.Helper()
	var list api.ToolList
	if err := l.admin.List(l.t.Context(), &list, client.MatchingLabels{api.DirectoryLabel: of.Name}); err != nil {
		l.t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return strings.Join(names, " ")
}

// writes are the writes since the last look, but those of the directory's own status.
func (l *lister) writes() []string {
	return slices.DeleteFunc(l.wire.take(), func(write string) bool { return strings.Contains(write, "directories") })
}

func file(name, more string) string {
	return "repository: https://git.example/" + name + ".git\n" + more
}

// Adding, changing and removing a file makes, changes and removes a Tool; what has not changed costs no write, also when the
// daemon is started anew.
func TestDirectoryKeepsTools(t *testing.T) {
	l := startLister(t)
	of := l.add("keeps")
	files := map[string]string{"keeps-a": file("a", "quota_class: large\n"), "keeps-b": file("b", "hosts: [b.example.org]\n")}
	l.push(of, "one", files)
	l.until(of, "one", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	if names := l.tools(of); names != "keeps-a keeps-b" || of.Status.Tools != 2 || of.Status.Files != 2 || of.Status.Applied != commit("one") {
		t.Errorf("tools %q, status %+v", names, of.Status)
	}
	var tool api.Tool
	get := func(name string) *api.Tool {
		t.Helper()
		tool = api.Tool{}
		if err := l.admin.Get(t.Context(), client.ObjectKey{Name: name}, &tool); err != nil {
			t.Fatal(err)
		}
		return &tool
	}
	if a := get("keeps-a"); a.Spec.QuotaClass != "large" || a.Spec.Ref != "HEAD" || a.Spec.Repository != "https://git.example/a.git" {
		t.Errorf("Tool a is %+v", a.Spec)
	}

	l.wire.take()
	l.push(of, "two", map[string]string{"keeps-a": file("a", "quota_class: small\n"), "keeps-b": file("b", ""), "keeps-c": file("c", "")})
	l.until(of, "two", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	if b := get("keeps-b"); len(b.Spec.Hosts) > 0 {
		t.Errorf("Tool b still has %q", b.Spec.Hosts)
	}
	if a := get("keeps-a"); a.Spec.QuotaClass != "small" {
		t.Errorf("Tool a has class %s", a.Spec.QuotaClass)
	}
	if !strings.Contains(l.log.text(), "commit "+commit("two")[:7]+": 1 Tools made, 2 changed, 0 removed") {
		t.Errorf("events: %s", l.log.text())
	}
	// Suspended by hand: the file does not say it, so it stays. Another repository by hand is put back.
	patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"suspend":true,"repository":"https://git.example/other.git"}}`))
	if err := l.admin.Patch(t.Context(), get("keeps-c"), patch); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the repository to be put back", func() bool { return get("keeps-c").Spec.Repository == "https://git.example/c.git" })
	if !get("keeps-c").Spec.Suspend {
		t.Error("Tool c is not suspended any more")
	}

	l.stop()
	l.run(&server)
	l.wire.take()
	l.push(of, "three", map[string]string{"keeps-a": file("a", "quota_class: small\n"), "keeps-c": file("c", "")})
	l.until(of, "three", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	waitFor(t, "b to go", func() bool { return l.tools(of) == "keeps-a keeps-c" })
	if writes := l.writes(); len(writes) != 1 || !strings.Contains(writes[0], "keeps-b") {
		t.Errorf("writes: %q", writes)
	}
}

func waitFor(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

// A broken file leaves its Tool as it is, the others are kept; what only the API server knows to be wrong is told with its
// place too.
func TestBrokenFilesChangeNothing(t *testing.T) {
	l := startLister(t)
	of := l.add("broken")
	l.push(of, "one", map[string]string{"broken-a": file("a", ""), "broken-b": file("b", "")})
	l.until(of, "one", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	l.push(of, "two", map[string]string{"broken-a": file("x", "quotaclass: large\n"), "broken-b": file("b2", ""), "broken-c": file("c", "hosts: [-wrong-]\n")})
	message := l.until(of, "two", "Ready", metav1.ConditionFalse, api.DirectoryFilesInvalid)
	if !strings.Contains(message, "tools/broken-a.yaml:2:1: unknown key `quotaclass`: did you mean `quota_class`?") {
		t.Errorf("message %q", message)
	}
	want := []string{"tools/broken-a.yaml:2", "tools/broken-c.yaml:2"}
	var got []string
	for _, problem := range of.Status.Problems {
		got = append(got, fmt.Sprintf("%s:%d", problem.File, problem.Line))
	}
	if !slices.Equal(got, want) || !conditions.IsFalse(of, api.FilesValid) {
		t.Errorf("problems %+v; want %q", of.Status.Problems, want)
	}
	if names := l.tools(of); names != "broken-a broken-b" {
		t.Errorf("tools %q", names)
	}
	var a, b api.Tool
	if err := l.admin.Get(t.Context(), client.ObjectKey{Name: "broken-a"}, &a); err != nil || a.Spec.Repository != "https://git.example/a.git" {
		t.Errorf("a is %+v, %v", a.Spec, err)
	}
	if err := l.admin.Get(t.Context(), client.ObjectKey{Name: "broken-b"}, &b); err != nil || b.Spec.Repository != "https://git.example/b2.git" {
		t.Errorf("b is %+v, %v", b.Spec, err)
	}
}

// An emptied directory, one that is not there, one that cannot be read and one that lost many remove nothing, and say so; a
// commit that an administrator has allowed removes as many as it does not list.
func TestRemovalsAreBounded(t *testing.T) {
	l := startLister(t)
	of := l.add("bounded")
	all := map[string]string{}
	for i := range 20 {
		all[fmt.Sprintf("bounded-%02d", i)] = file("x", "")
	}
	l.push(of, "one", all)
	l.until(of, "one", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	everything := l.tools(of)

	l.push(of, "empty", nil)
	message := l.until(of, "empty", "Ready", metav1.ConditionFalse, api.DirectoryRemovalsRefused)
	if !strings.Contains(message, "does not list 20 of the directory's 20 Tools, among them bounded-00, bounded-01, bounded-02, and none of them is removed") {
		t.Errorf("message %q", message)
	}
	l.show(of, sources.Observation[Revision]{Commit: commit("gone"), Seen: commit("gone"), Value: Revision{Listing: directory.Listing{Missing: "\"tools\" does not exist"}}})
	l.until(of, "gone", "Ready", metav1.ConditionFalse, api.DirectoryMissing)
	few := map[string]string{}
	for name, text := range all {
		if name > "bounded-02" {
			few[name] = text
		}
	}
	l.push(of, "few", few) // three of twenty, and a tenth is two
	l.until(of, "few", api.RemovalsAllowed, metav1.ConditionFalse, api.DirectoryRemovalsRefused)
	if !slices.Equal(of.Status.Withheld, []string{"bounded-00", "bounded-01", "bounded-02"}) {
		t.Errorf("withheld %q", of.Status.Withheld)
	}
	if names := l.tools(of); names != everything {
		t.Errorf("Tools are gone: %s are left", names)
	}
	annotate := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+api.AllowRemovals+`":"`+commit("few")+`"}}}`))
	if err := l.admin.Patch(t.Context(), of, annotate); err != nil {
		t.Fatal(err)
	}
	l.until(of, "few", api.RemovalsAllowed, metav1.ConditionTrue, api.ReasonSucceeded)
	waitFor(t, "17 to be left", func() bool { return len(strings.Fields(l.tools(of))) == 17 })
	// It holds for that commit alone.
	l.push(of, "fewer", map[string]string{"bounded-19": file("x", "")})
	l.until(of, "fewer", api.RemovalsAllowed, metav1.ConditionFalse, api.DirectoryRemovalsRefused)
	if names := strings.Fields(l.tools(of)); len(names) != 17 {
		t.Errorf("%d Tools are left", len(names))
	}
}

// A Tool that was made by hand, or is another Directory's, is left alone until it may be had.
func TestToolsOfOthers(t *testing.T) {
	l := startLister(t)
	hand := &api.Tool{ObjectMeta: metav1.ObjectMeta{Name: "others-hand"}, Spec: api.ToolSpec{Repository: "https://git.example/hand.git"}}
	hand.Spec.Interval.Duration = time.Minute
	if err := l.admin.Create(t.Context(), hand); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.admin.Delete(context.Background(), hand) })
	first, second := l.add("others-first"), l.add("others-second")
	l.push(first, "one", map[string]string{"others-hand": file("new", ""), "others-both": file("first", "")})
	message := l.until(first, "one", "Ready", metav1.ConditionFalse, api.DirectoryFilesInvalid)
	if !strings.Contains(message, "tools/others-hand.yaml:1:1: a Tool of this name was made by hand and is left alone: to have it follow this file, `kubectl annotate tool others-hand toolforge.org/allow-directory=others-first`") {
		t.Errorf("message %q", message)
	}
	l.push(second, "one", map[string]string{"others-both": file("second", "")})
	message = l.until(second, "one", "Ready", metav1.ConditionFalse, api.DirectoryFilesInvalid)
	if !strings.Contains(message, "the tool is listed by the Directory others-first already") {
		t.Errorf("message %q", message)
	}
	repository := func(name string) string {
		var tool api.Tool
		if err := l.admin.Get(t.Context(), client.ObjectKey{Name: name}, &tool); err != nil {
			t.Fatal(err)
		}
		return tool.Spec.Repository
	}
	if repository("others-hand") != "https://git.example/hand.git" || repository("others-both") != "https://git.example/first.git" {
		t.Error("a Tool was taken over")
	}
	annotate := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"`+api.AllowDirectory+`":"others-first"}}}`))
	if err := l.admin.Patch(t.Context(), hand, annotate); err != nil {
		t.Fatal(err)
	}
	l.until(first, "one", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	if repository("others-hand") != "https://git.example/new.git" {
		t.Error("the Tool was not taken over")
	}
	// A Directory that is deleted leaves its Tools; another one may have them then.
	if err := l.admin.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	l.until(second, "one", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	if repository("others-both") != "https://git.example/second.git" {
		t.Error("the Tool was not taken over")
	}
}

// Where a directory's commits must be signed, others are not believed.
func TestSignedDirectory(t *testing.T) {
	l := startLister(t)
	of := l.add("signed")
	patch := client.MergeFrom(of.DeepCopy())
	of.Spec.Verify = &api.Verify{Keys: []string{string(signedData(t, "ssh-ed25519.pub"))}}
	if err := l.admin.Patch(t.Context(), of, patch); err != nil {
		t.Fatal(err)
	}
	l.push(of, "one", map[string]string{"signed-a": file("a", "")})
	l.until(of, "one", "Ready", metav1.ConditionFalse, api.ReasonUnsigned)
	if names := l.tools(of); names != "" {
		t.Errorf("tools %q", names)
	}
	value := Revision{Listing: listing(map[string]string{"signed-a": file("a", "")}), Signature: signed.Of(signedData(t, "ssh-ed25519.commit"))}
	l.show(of, sources.Observation[Revision]{Commit: commit("two"), Seen: commit("two"), Value: value})
	l.until(of, "two", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	if names := l.tools(of); names != "signed-a" {
		t.Errorf("tools %q", names)
	}
}

// A daemon that is killed after any number of writes goes on where it was: in the end the Tools are as the last commit lists
// them, and no more were removed than may be.
func TestKilledAmidADirectory(t *testing.T) {
	l := startLister(t)
	of := l.add("killed")
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf("killed-%02d", i)] = file("x", "")
	}
	killedAfter := func(writes int) {
		t.Helper()
		var seen atomic.Int64
		l.stop()
		l.wire = &wire{cut: func(request *http.Request) bool {
			return request.Method != http.MethodGet && seen.Add(1) > int64(writes)
		}}
		l.run(&server)
		l.waker.Wake(of.Name)
		waitFor(t, "the writes before it is killed", func() bool { return seen.Load() > int64(writes) })
	}
	l.push(of, "one", files)
	for _, writes := range []int{0, 1, 3, 6} {
		killedAfter(writes)
	}
	l.stop()
	l.wire = &wire{}
	l.run(&server)
	l.until(of, "one", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	if names := strings.Fields(l.tools(of)); len(names) != 20 || of.Status.Tools != 20 {
		t.Errorf("Tools %q, counted %d", names, of.Status.Tools)
	}
	delete(files, "killed-00")
	delete(files, "killed-01")
	l.push(of, "two", files)
	killedAfter(1)
	l.stop()
	l.wire = &wire{}
	l.run(&server)
	l.until(of, "two", "Ready", metav1.ConditionTrue, api.ReasonSucceeded)
	waitFor(t, "18 to be left", func() bool { return len(strings.Fields(l.tools(of))) == 18 })
}
