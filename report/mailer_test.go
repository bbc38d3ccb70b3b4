package report

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// cluster is what the mailer reads and writes, and the mails that it sent.
type cluster struct {
	t      *testing.T
	client client.Client
	mailer *Mailer
	mails  []Message
	// down is what the SMTP server says, readOnly what the API server says to writes; nil when they are well.
	down, readOnly error
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, api.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c := &cluster{t: t}
	c.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(&api.Tool{ObjectMeta: metav1.ObjectMeta{Name: "wiki"}}).
		WithInterceptorFuncs(interceptor.Funcs{Patch: func(ctx context.Context, to client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
			if c.readOnly != nil {
				return c.readOnly
			}
			return to.Patch(ctx, o, p, options...)
		}}).Build()
	c.restart()
	return c
}

// restart is a new leader.
func (c *cluster) restart() {
	c.mailer = NewMailer(Mailer{
		Client: c.client, Live: c.client, Owns: func(string) bool { return true }, Sender: c,
		Status: "https://status.example", Interval: 10 * time.Minute, Now: time.Now,
	})
}

func (c *cluster) Send(_ context.Context, m Message) error {
	if c.down != nil {
		return c.down
	}
	c.mails = append(c.mails, m)
	return nil
}

// look has the mailer look at the tool.
func (c *cluster) look() (reconcile.Result, error) {
	return c.mailer.Reconcile(context.Background(), reconcile.Request{NamespacedName: types.NamespacedName{Name: "wiki"}})
}

// run has the mailer look now and whenever it asks for it, for that long.
func (c *cluster) run(lasting time.Duration) {
	c.t.Helper()
	for until := time.Now().Add(lasting); ; {
		result, err := c.look()
		wait := result.RequeueAfter
		if err != nil {
			wait = firstRetry
		}
		if wait == 0 || time.Now().Add(wait).After(until) {
			time.Sleep(time.Until(until))
			return
		}
		time.Sleep(wait)
	}
}

func (c *cluster) create(objects ...client.Object) {
	c.t.Helper()
	for _, object := range objects {
		if err := c.client.Create(context.Background(), object); err != nil {
			c.t.Fatal(err)
		}
	}
}

func ofWiki(name, job, emails string) metav1.ObjectMeta {
	labels := map[string]string{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: "wiki", api.NameLabel: job}
	if emails != "" {
		labels[api.EmailsLabel] = emails
	}
	return metav1.ObjectMeta{Namespace: "tool-wiki", Name: name, UID: types.UID("uid-" + name), Labels: labels}
}

// job is a run that began now; with a condition, it is over as well.
func job(name, emails string, condition batchv1.JobConditionType) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: ofWiki(name, "tick", emails)}
	now := metav1.Now()
	j.Annotations = map[string]string{batchv1.CronJobScheduledTimestampAnnotation: now.UTC().Format(time.RFC3339)}
	j.Status.StartTime = &now
	if condition != "" {
		j.Status.Conditions = []batchv1.JobCondition{{Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: now, Message: "the Job's message"}}
	}
	return j
}

func podOf(j *batchv1.Job, code int32) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: ofWiki(j.Name+"-a", "tick", "")}
	pod.Labels[batchv1.JobNameLabel] = j.Name
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: j.Name, UID: j.UID, Controller: ptr.To(true)}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "tick", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: "the password is hunter2"},
	}}}
	return pod
}

func TestWhatIsTold(t *testing.T) {
	const ends, fails, starts, misses, crashes = "succeeded", "failed with exit code 3", "has started", "did not take place", "ended with exit code 4"
	for emails, want := range map[string][]string{
		"none":      nil,
		"onfailure": {fails, misses, crashes},
		"onfinish":  {ends, fails, misses, crashes},
		"all":       {starts, ends, fails, misses, crashes},
	} {
		t.Run(emails, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				label := emails
				if emails == "none" {
					label = ""
				}
				happen(c, label)
				c.run(time.Hour)
				all := ""
				for _, m := range c.mails {
					all += m.Subject + "\n" + m.Text
				}
				for _, what := range []string{ends, fails, starts, misses, crashes} {
					told := strings.Contains(all, what)
					if wanted := strings.Contains(strings.Join(want, "\n"), what); told != wanted {
						t.Errorf("%q: told %t, wanted %t, in\n%s", what, told, wanted, all)
					}
				}
				if strings.Contains(all, "hunter2") {
					t.Errorf("a mail repeats what a job printed:\n%s", all)
				}
				if want != nil && !strings.Contains(all, "https://status.example/tools/wiki#jobs") {
					t.Errorf("a mail does not say where to look:\n%s", all)
				}
				if len(c.mails) > 1 {
					t.Errorf("%d mails for what happened at once", len(c.mails))
				}
			})
		})
	}
}

// happen has everything happen that can be told of.
func happen(c *cluster, emails string) {
	c.t.Helper()
	time.Sleep(time.Second)
	failed := job("tick-2", emails, batchv1.JobFailed)
	cronJob := &batchv1.CronJob{ObjectMeta: ofWiki("tick", "tick", emails)}
	deployment := &appsv1.Deployment{ObjectMeta: ofWiki("consumer", "consumer", emails)}
	crashed := &corev1.Pod{ObjectMeta: ofWiki("consumer-1", "consumer", "")}
	crashed.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "consumer", LastTerminationState: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: 4, FinishedAt: metav1.Now(), ContainerID: "c1"},
	}}}
	c.create(job("tick-1", emails, batchv1.JobComplete), failed, podOf(failed, 3), job("tick-3", emails, ""), cronJob, deployment, crashed)
	c.miss(1, time.Now())
}

// miss has the Tool say that runs were missed up to that time.
func (c *cluster) miss(n int32, last time.Time) {
	c.t.Helper()
	tool := &api.Tool{}
	if err := c.client.Get(context.Background(), client.ObjectKey{Name: "wiki"}, tool); err != nil {
		c.t.Fatal(err)
	}
	tool.Status.Jobs = []api.ScheduledJob{{Name: "tick", Missed: []api.MissedRuns{{
		First: metav1.NewTime(last.Add(-time.Duration(n-1) * time.Minute)), Last: metav1.NewTime(last), Runs: n,
		Reason: api.RunSkipped, Message: "the run before still ran",
	}}}}
	if err := c.client.Update(context.Background(), tool); err != nil {
		c.t.Fatal(err)
	}
}

// One mail in ten minutes, whatever happens; and nothing is lost, nor told twice, also by the next leader.
func TestDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		for minute := range 60 {
			failed := job(fmt.Sprintf("tick-%d", minute), onFailure, batchv1.JobFailed)
			c.create(failed)
			c.run(time.Minute)
			// Of the runs that fail, the last is kept.
			if err := c.client.Delete(context.Background(), failed); err != nil {
				t.Fatal(err)
			}
		}
		c.run(time.Hour)
		if len(c.mails) != 7 {
			t.Errorf("%d mails in an hour, want the first and one for each ten minutes", len(c.mails))
		}
		told := 0
		for _, m := range c.mails {
			told += strings.Count(m.Text, "\n* ")
		}
		if told != 60 {
			t.Errorf("%d failures are told of, want 60", told)
		}
		if want := "[toolforge] wiki: 10 news of jobs, 10 of failures"; c.mails[2].Subject != want {
			t.Errorf("the subject is %q, want %q", c.mails[2].Subject, want)
		}
		c.create(job("last", onFailure, batchv1.JobFailed))
		c.run(time.Hour)
		c.restart()
		c.run(time.Hour)
		if len(c.mails) != 8 || !strings.Contains(c.mails[7].Subject, "wiki: tick: the run of ") {
			t.Errorf("after a restart there are %d mails", len(c.mails))
		}
	})
}

// A server that is down gets the mail when it is back, with the same ID. So does one that gave an error and took it.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.down = errors.New("connection refused")
		c.create(job("tick-1", onFinish, batchv1.JobComplete))
		for range 3 {
			if _, err := c.look(); err == nil {
				t.Error("a mail that was not sent is no error")
			}
			time.Sleep(time.Minute)
		}
		c.down = nil
		c.readOnly = errors.New("read only")
		if _, err := c.look(); err == nil || len(c.mails) != 1 {
			t.Errorf("%d mails, and what was told could not be noted: %v", len(c.mails), err)
		}
		if _, err := c.look(); err == nil || len(c.mails) != 1 {
			t.Errorf("%d mails, though it was told already: %v", len(c.mails), err)
		}
		c.restart() // which does not know
		if _, err := c.look(); err == nil || len(c.mails) != 2 || c.mails[0].ID != c.mails[1].ID {
			t.Errorf("a killed daemon's mail came again as %+v: %v", c.mails, err)
		}
		c.readOnly = nil
		c.run(time.Hour)
		c.restart()
		c.run(time.Hour)
		if len(c.mails) != 2 {
			t.Errorf("%d mails", len(c.mails))
		}
	})
}

// What could not be told in a day is not told any more, and no number of events fills the memory.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.down = errors.New("no")
		c.create(job("old", onFailure, batchv1.JobFailed))
		if _, err := c.look(); err == nil {
			t.Error("a mail that was not sent is no error")
		}
		time.Sleep(25 * time.Hour)
		c.down = nil
		c.run(time.Hour)
		if len(c.mails) != 0 {
			t.Errorf("old news: %+v", c.mails)
		}
		for i := range 250 {
			c.create(job(fmt.Sprintf("many-%d", i), onFailure, batchv1.JobFailed))
		}
		c.run(time.Hour)
		if len(c.mails) != 1 || !strings.Contains(c.mails[0].Text, "* and 150 times more\n") || strings.Count(c.mails[0].Text, "\n* ") != 101 {
			t.Fatalf("%d mails; the last has %d lines", len(c.mails), strings.Count(c.mails[len(c.mails)-1].Text, "\n"))
		}
		c.restart()
		c.run(time.Hour)
		if len(c.mails) != 1 {
			t.Errorf("%d mails after a restart", len(c.mails))
		}
	})
}

// Runs that go on being missed are told of as they come, each once.
func TestMissedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.create(&batchv1.CronJob{ObjectMeta: ofWiki("tick", "tick", onFailure)})
		first := time.Now()
		c.miss(1, first)
		c.run(5 * time.Minute)
		for n := range int32(4) {
			c.miss(2+n, first.Add(time.Duration(1+n)*time.Minute))
			c.run(time.Second)
		}
		c.run(time.Hour)
		if len(c.mails) != 2 {
			t.Fatalf("%d mails", len(c.mails))
		}
		for i, want := range []string{"did not take place: the run before still ran", "more runs did not take place, up to that of"} {
			if strings.Count(c.mails[i].Text, "\n* ") != 1 || !strings.Contains(c.mails[i].Text, want) {
				t.Errorf("mail %d says %q, want %q", i, c.mails[i].Text, want)
			}
		}
		c.restart()
		c.run(time.Hour)
		if len(c.mails) != 2 {
			t.Errorf("%d mails after a restart", len(c.mails))
		}
	})
}

// A tool of another shard is another daemon's.
func TestOwns(t *testing.T) {
	m := NewMailer(Mailer{Owns: func(tool string) bool { return tool == "wiki" }, Now: time.Now})
	other := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{api.ToolLabel: "other"}}}
	if got := m.labelledTool(t.Context(), other); len(got) != 0 {
		t.Errorf("it is woken for %v", got)
	}
	if got := m.labelledTool(t.Context(), &batchv1.Job{ObjectMeta: ofWiki("a", "a", all)}); len(got) != 1 || got[0].Name != "wiki" {
		t.Errorf("it is woken for %v", got)
	}
}

func FuzzCompose(f *testing.F) {
	f.Add("failed\r\nBcc: x@example.org", "ü\xff\x00")
	f.Fuzz(func(t *testing.T, what, more string) {
		e := event{key: "1", job: "tick", what: "failed: " + clean(what, maxMessage)}
		m := compose("wiki", []event{e}, 0, "")
		if len(m.Subject) > maxSubject || strings.ContainsAny(m.Subject, "\r\n\x00") {
			t.Errorf("the subject is %q", m.Subject)
		}
		if len(clean(more, maxMessage)) > maxMessage {
			t.Errorf("%q is not cut", more)
		}
		if strings.Count(m.Text, "\n* ") != 1 {
			t.Errorf("the text is %q", m.Text)
		}
	})
}
