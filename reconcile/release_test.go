package reconcile

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	migrated = `
webservice: {}
jobs:
  - {name: migrate, pre_deploy: true, command: ./migrate}
`
	migratedAndSeeded = `
webservice: {}
jobs:
  - {name: migrate, pre_deploy: true, command: ./migrate}
  - {name: hourly, schedule: "@hourly", command: ./update}
  - {name: seed, pre_deploy: true, command: ./seed, timeout: 1m}
`
)

// runsAre spells what a deployment's history entry says of its pre-deploy jobs.
func runsAre(past api.PastDeployment) string {
	var all []string
	for _, run := range past.PreDeploy {
		all = append(all, fmt.Sprintf("%s %s", run.Name, run.State))
	}
	return strings.Join(all, ", ")
}

// versions are the resource versions of what serves.
func (d *daemon) versions(tool *api.Tool) map[string]string {
	d.t.Helper()
	versions := make(map[string]string)
	for _, object := range []client.Object{d.deployed(tool, "webservice"), &corev1.Service{}, &networkingv1.Ingress{}} {
		key := client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "webservice"}
		if err := d.admin.Get(d.t.Context(), key, object); err != nil {
			d.t.Fatal(err)
		}
		versions[fmt.Sprintf("%T", object)] = object.GetResourceVersion()
	}
	return versions
}

// serve has a first commit with one pre-deploy job serve, and returns that job's Job.
func (d *daemon) serve(tool *api.Tool) *batchv1.Job {
	d.t.Helper()
	d.push(tool, "one", migrated, "tree1")
	job := d.untilJob(tool, "migrate")
	d.succeed(job)
	d.untilServing(tool, "one")
	return job
}

func (d *daemon) jobNames(tool *api.Tool) []string {
	d.t.Helper()
	var names []string
	for _, job := range d.jobs(tool) {
		names = append(names, job.Name)
	}
	return names
}

// created counts the Jobs that were created since the writes were taken last.
func created(writes []string) int {
	return len(slices.DeleteFunc(writes, func(write string) bool {
		return !strings.HasPrefix(write, "POST ") || !strings.HasSuffix(write, "/jobs")
	}))
}

// One after the other, and nothing else before all have succeeded.
func TestPreDeployInOrder(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", migratedAndSeeded, "tree1")
	migrate := d.untilJob(tool, "migrate")
	d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonPreDeployRunning)
	d.passes(tool, 2)
	if got, want := runsAre(d.status(tool).History[0]), "migrate Running, seed Waiting"; got != want {
		t.Errorf("the runs are %q, want %q", got, want)
	}
	for _, write := range d.wire.take() {
		if strings.Contains(write, "/webservice") || strings.Contains(write, "/hourly") {
			t.Errorf("written before the pre-deploy jobs have succeeded: %s", write)
		}
	}
	if n := len(d.jobs(tool)); n != 1 {
		t.Errorf("%d Jobs are there", n)
	}
	d.succeed(migrate)
	seed := d.untilJob(tool, "seed")
	if got := *seed.Spec.ActiveDeadlineSeconds; got != 60 {
		t.Errorf("seed may take %d s", got)
	}
	d.passes(tool, 1)
	if err := d.admin.Get(t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "hourly"}, &batchv1.CronJob{}); !apierrors.IsNotFound(err) {
		t.Errorf("the CronJob is there already: %v", err)
	}
	d.succeed(seed)
	d.untilServing(tool, "one")
	past := tool.Status.History[0]
	if got, want := runsAre(past), "migrate Succeeded, seed Succeeded"; got != want {
		t.Errorf("the runs are %q, want %q", got, want)
	}
	if run := past.PreDeploy[1]; run.StartedAt == nil || run.FinishedAt == nil || run.ExitCode == nil || *run.ExitCode != 0 || run.Job != seed.Name {
		t.Errorf("seed's run is %+v", run)
	}
	// Their logs can be read, and nothing happens any more.
	d.untilQuiet(tool)
	if got := d.jobNames(tool); !slices.Equal(got, []string{migrate.Name, seed.Name}) {
		t.Errorf("the Jobs are %v", got)
	}

	// A next deployment has runs of its own, and ends those before.
	d.push(tool, "two", migrated, "tree1")
	again := d.untilJob(tool, "migrate")
	d.succeed(again)
	d.untilServing(tool, "two")
	d.until("the older Jobs to go", func() bool { return slices.Equal(d.jobNames(tool), []string{again.Name}) })

	// And one without any leaves none.
	d.push(tool, "three", site, "tree1")
	d.untilServing(tool, "three")
	d.until("all Jobs to go", func() bool { return len(d.jobs(tool)) == 0 })
	d.untilQuiet(tool)
}

// What serves is not touched by a deployment of which a job fails, in whatever way.
func TestPreDeployFails(t *testing.T) {
	for _, test := range []struct {
		name string
		fail func(*daemon, *batchv1.Job)
		code int32
		want string
	}{
		{"exits", func(d *daemon, job *batchv1.Job) { d.exit(job, 3, "no such table\n") }, 3, "exit code 3, its last words: no such table"},
		{"too-long", func(d *daemon, job *batchv1.Job) { d.breakOff(job, batchv1.JobReasonDeadlineExceeded, 1) }, -1, "longer than its timeout of 10m0s"},
		{"no-room", func(d *daemon, job *batchv1.Job) { d.breakOff(job, batchv1.JobReasonDeadlineExceeded, 0) }, -1, "quota may be exhausted"},
		{"lost", func(d *daemon, job *batchv1.Job) { d.breakOff(job, batchv1.JobReasonBackoffLimitExceeded, 1) }, -1, "its pod was lost"},
		{"deleted", (*daemon).deleteJob, -1, "somebody deleted its Job"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, tool := startDaemon(t), addTool(t)
			d.serve(tool)
			d.passes(tool, 2)
			before := d.versions(tool)
			d.push(tool, "two", migratedAndSeeded, "tree2")
			job := d.untilJob(tool, "migrate")
			d.until("its start to be written down", func() bool { return runsAre(d.status(tool).History[0]) == "migrate Running, seed Waiting" })
			test.fail(d, job)
			message := d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonPreDeployFailed)
			for _, want := range []string{"commit " + commit("two")[:7] + " is not deployed: pre-deploy job migrate failed", test.want,
				"commit " + commit("one")[:7] + " keeps serving"} {
				if !strings.Contains(message, want) {
					t.Errorf("Ready says %q, want also %q", message, want)
				}
			}
			d.wire.take()
			d.passes(tool, 3)
			if n := created(d.wire.take()); n > 0 {
				t.Errorf("%d Jobs were created after the failure", n)
			}
			if diff := cmp.Diff(before, d.versions(tool)); diff != "" {
				t.Errorf("what serves was written (-before +after):\n%s", diff)
			}
			past := d.status(tool).History[0]
			if got, want := runsAre(past), "migrate Failed, seed Waiting"; past.Outcome != api.OutcomeFailed || got != want {
				t.Errorf("the deployment is %s with %q, want %q", past.Outcome, got, want)
			}
			if code := past.PreDeploy[0].ExitCode; test.code >= 0 && (code == nil || *code != test.code) {
				t.Errorf("the exit code is %v, want %d", code, test.code)
			}
			if tool.Status.Deploying != nil || tool.Status.Serving.Commit != commit("one") {
				t.Errorf("deploying %+v, serving %+v", tool.Status.Deploying, tool.Status.Serving)
			}
			d.untilQuiet(tool)
			// The next commit is tried.
			d.push(tool, "three", migrated, "tree3")
			d.succeed(d.untilJob(tool, "migrate"))
			d.untilServing(tool, "three")
		})
	}
}

// Where nothing served before, nothing runs.
func TestPreDeployFailsAtFirst(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", migrated, "tree1")
	d.exit(d.untilJob(tool, "migrate"), 1, "")
	d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonPreDeployFailed)
	d.passes(tool, 3)
	d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonPreDeployFailed)
	for _, write := range d.wire.take() {
		if strings.Contains(write, "/webservice") {
			t.Errorf("written: %s", write)
		}
	}
	d.push(tool, "two", site, "tree2")
	d.untilServing(tool, "two")
}

// A daemon that is killed between the creation of a Job and the note of it leaves the next one to find the Job.
func TestPreDeployKilledBeforeStatus(t *testing.T) {
	first, tool := startDaemon(t), addTool(t)
	first.serve(tool)
	first.wire.take()
	first.wire.setCut(cutStatus)
	first.push(tool, "two", migrated, "tree2")
	job := first.untilJob(tool, "migrate")
	first.until("the status write to fail", first.wire.wasCut)
	first.stop()
	if n := created(first.wire.take()); n != 1 {
		t.Errorf("%d Jobs were created", n)
	}
	if got := first.status(tool).History[0].Commit; got != commit("one") {
		t.Fatal("the status was written after all: the test shows nothing")
	}
	// It even ends before the next daemon is there.
	first.succeed(job)
	second := startDaemon(t)
	second.push(tool, "two", migrated, "tree2")
	second.untilServing(tool, "two")
	if n := created(second.wire.take()); n > 0 {
		t.Errorf("the next daemon created %d Jobs", n)
	}
	if run := tool.Status.History[0].PreDeploy[0]; run.Job != job.Name || run.State != api.PreDeploySucceeded {
		t.Errorf("the run is %+v, want that of Job %s", run, job.Name)
	}
}

// A newer commit waits for the jobs of an older one that still run, and does not end them.
func TestPreDeploySuperseded(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.serve(tool)
	d.push(tool, "two", migrated, "tree2")
	older := d.untilJob(tool, "migrate")
	d.push(tool, "three", migrated, "tree3")
	d.until("commit three to be under way", func() bool {
		deploying := d.status(tool).Deploying
		return deploying != nil && deploying.Commit == commit("three")
	})
	d.passes(tool, 2)
	message := d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonPreDeployRunning)
	if want := "waits for migrate of commit " + commit("two")[:7] + ", which still runs"; !strings.Contains(message, want) {
		t.Errorf("Ready says %q, want %q", message, want)
	}
	if n := len(d.jobs(tool)); n != 1 {
		t.Errorf("%d Jobs are there", n)
	}
	d.succeed(older)
	newer := d.untilJob(tool, "migrate")
	d.until("the older one's end to be written down", func() bool { return runsAre(d.status(tool).History[1]) == "migrate Succeeded" })
	d.succeed(newer)
	d.untilServing(tool, "three")
	d.until("the older Job to go", func() bool { return slices.Equal(d.jobNames(tool), []string{newer.Name}) })
}

// A commit with a mistake does not keep an older one's jobs from going on.
func TestPreDeployBehindAMistake(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.serve(tool)
	d.push(tool, "two", migrated, "tree2")
	job := d.untilJob(tool, "migrate")
	d.push(tool, "wrong", "webservice: 7", "tree3")
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	before := d.versions(tool)
	d.passes(tool, 2)
	if diff := cmp.Diff(before, d.versions(tool)); diff != "" {
		t.Errorf("applied before the job has succeeded (-before +after):\n%s", diff)
	}
	d.succeed(job)
	d.until("commit two to serve", func() bool {
		d.rollOut(tool)
		return d.status(tool).Serving.Commit == commit("two")
	})
	d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonManifestInvalid)
}

// What changes of a deployment that serves decides whether its pre-deploy jobs run.
func TestPreDeployWhenNeeded(t *testing.T) {
	t.Run("another-image", func(t *testing.T) {
		d, tool := startDaemon(t), addTool(t)
		first := d.serve(tool)
		d.push(tool, "one", migrated, "rebuilt")
		job := d.untilJob(tool, "migrate")
		if job.Name == first.Name {
			t.Errorf("Job %s is of the image before", job.Name)
		}
		d.succeed(job)
		d.until("the other image", func() bool {
			d.rollOut(tool)
			return d.image(tool, "webservice") == job.Spec.Template.Spec.Containers[0].Image
		})
		d.untilServing(tool, "one")
	})
	t.Run("rendered-anew", func(t *testing.T) {
		d, tool := startDaemon(t), addTool(t)
		d.serve(tool)
		d.passes(tool, 2)
		d.stop()
		next := startDaemon(t, withDeadline(7*time.Minute))
		next.push(tool, "one", migrated, "tree1")
		next.until("another rendering", func() bool { return *next.deployed(tool, "webservice").Spec.ProgressDeadlineSeconds == 420 })
		next.untilServing(tool, "one")
		if n := created(next.wire.take()); n > 0 {
			t.Errorf("%d Jobs were created", n)
		}
	})
	t.Run("rendered-anew-meanwhile", func(t *testing.T) {
		d, tool := startDaemon(t), addTool(t)
		d.serve(tool)
		d.push(tool, "two", migrated, "tree2")
		job := d.untilJob(tool, "migrate")
		d.stop()
		next := startDaemon(t, withDeadline(7*time.Minute))
		next.push(tool, "two", migrated, "tree2")
		next.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonPreDeployRunning)
		next.passes(tool, 2)
		next.succeed(job)
		next.untilServing(tool, "two")
		if n := created(next.wire.take()); n > 0 {
			t.Errorf("%d Jobs were created", n)
		}
	})
	t.Run("taken-back", func(t *testing.T) {
		d, tool := startDaemon(t, withDeadline(soon)), addTool(t)
		d.serve(tool)
		d.push(tool, "two", migrated, "tree2")
		job := d.untilJob(tool, "migrate")
		// Its time to become healthy does not run yet.
		d.ahead.Store(int64(time.Hour))
		d.passes(tool, 2)
		d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonPreDeployRunning)
		d.succeed(job)
		d.wire.take()
		d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonRolledBack)
		d.passes(tool, 3)
		if n := created(d.wire.take()); n > 0 {
			t.Errorf("%d Jobs were created", n)
		}
		if got := d.image(tool, "webservice"); got != tool.Status.Serving.Images[0].Reference {
			t.Errorf("the webservice runs %s", got)
		}
	})
	t.Run("put-back-by-a-push", func(t *testing.T) {
		d, tool := startDaemon(t), addTool(t)
		first := d.serve(tool)
		d.push(tool, "two", site, "tree2")
		d.untilServing(tool, "two")
		d.push(tool, "one", migrated, "tree1")
		again := d.untilJob(tool, "migrate")
		if again.Name == first.Name {
			t.Errorf("Job %s is of the deployment before", again.Name)
		}
		d.succeed(again)
		d.untilServing(tool, "one")
	})
}

// What serves is healed while the jobs of a newer commit run.
func TestPreDeployHealsMeanwhile(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.serve(tool)
	d.push(tool, "two", migrated, "tree2")
	job := d.untilJob(tool, "migrate")
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: "webservice"}}
	if err := d.admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	d.until("the Service to be there again", func() bool {
		return d.admin.Get(t.Context(), client.ObjectKeyFromObject(service), service) == nil
	})
	if got := d.image(tool, "webservice"); got != d.status(tool).Serving.Images[0].Reference {
		t.Errorf("the webservice runs %s", got)
	}
	d.succeed(job)
	d.untilServing(tool, "two")
}

func TestPreDeployQuota(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, "quotaClasses: {default: {quota: {count/jobs.batch: 1}}}")), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	quota := hardQuota(t, d, tool)
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, quota.Spec.Hard
	if err := d.admin.Status().Update(t.Context(), quota, client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatal(err)
	}
	d.push(tool, "two", migrated, "tree2")
	message := d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonPreDeployFailed)
	if !strings.Contains(message, "exceeded quota") {
		t.Errorf("Ready says %q", message)
	}
}

// Somebody else's Job of the same name is left alone.
func TestPreDeployTaken(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.serve(tool)
	d.push(tool, "two", migrated, "tree2")
	older := d.untilJob(tool, "migrate")
	d.push(tool, "three", migrated, "tree3")
	d.until("the newer one's name", func() bool { return d.status(tool).History[0].Commit == commit("three") })
	theirs := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: tool.Status.History[0].PreDeploy[0].Job}}
	theirs.Spec.Template.Spec = older.Spec.Template.Spec
	if err := d.admin.Create(t.Context(), theirs, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	d.succeed(older)
	message := d.untilCondition(tool, api.Released, "False", api.ReasonObjectTaken)
	if !strings.Contains(message, "made by somebody") {
		t.Errorf("Released says %q", message)
	}
	d.deleteJob(theirs)
	d.ahead.Store(int64(2 * takenCheck))
	d.waker.Wake(tool.Name)
	d.succeed(d.untilJob(tool, "migrate"))
	d.untilServing(tool, "three")
}

// A tool that is suspended while a job runs goes on when it is resumed.
func TestPreDeploySuspended(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", migrated, "tree1")
	job := d.untilJob(tool, "migrate")
	suspend := func(yes bool) {
		before := tool.DeepCopy()
		tool.Spec.Suspend = yes
		if err := d.admin.Patch(t.Context(), tool, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonPreDeployRunning)
	suspend(true)
	d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonSuspended)
	d.succeed(job)
	suspend(false)
	d.untilServing(tool, "one")
	if n := created(d.wire.take()); n != 1 {
		t.Errorf("%d Jobs were created", n)
	}
}

// A tool that is deleted while a job runs takes the Job with it, before its namespace.
func TestPreDeployDeleted(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", migrated, "tree1")
	d.untilJob(tool, "migrate")
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonDeleting)
	writes := slices.DeleteFunc(d.wire.take(), func(write string) bool { return !strings.HasPrefix(write, http.MethodDelete) })
	job := slices.IndexFunc(writes, func(write string) bool { return strings.Contains(write, "/jobs/migrate-") })
	namespace := slices.IndexFunc(writes, func(write string) bool { return strings.HasSuffix(write, "/namespaces/"+tool.TargetNamespace()) })
	if job < 0 || namespace < job {
		t.Errorf("deleted were %q", writes)
	}
}
