package render

import (
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// rendered is the one object of a kind that a toolforge.yaml comes to.
func rendered[T any](t *testing.T, kind, yaml string) T {
	t.Helper()
	declared, problems := manifest.Parse([]byte(yaml), manifest.Origin{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var object T
	for _, o := range objects(t, Input{Tool: "wiki", Namespace: "tool-wiki", Manifest: declared, Images: images}) {
		if o.GetKind() != kind {
			continue
		}
		data, err := json.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &object); err != nil {
			t.Fatal(err)
		}
	}
	return object
}

// What a scheduled job asks for is what its CronJob does.
func TestScheduledJob(t *testing.T) {
	const job = "jobs:\n  - name: tick\n    command: ./tick\n    schedule: \"*/5 * * * *\"\n"
	for _, test := range []struct {
		name, yaml               string
		policy                   batchv1.ConcurrencyPolicy
		retries                  int32
		jobDeadline, podDeadline int64
	}{
		// The pod's deadline comes first, so that its output is kept.
		{"nothing said", job, batchv1.ForbidConcurrent, 0, 24*3600 + 30, 24 * 3600},
		{"a timeout", job + "    timeout: 20s\n", batchv1.ForbidConcurrent, 0, 20 + 30, 20},
		{"a longer shutdown", job + "    timeout: 20s\n    shutdown: 1m\n", batchv1.ForbidConcurrent, 0, 20 + 75, 20},
		// The timeout is that of all attempts together.
		{"retries", job + "    timeout: 1h\n    retry: 3\n", batchv1.ForbidConcurrent, 3, 3600, 3600},
		{"replace", job + "    concurrency: replace\n", batchv1.ReplaceConcurrent, 0, 24*3600 + 30, 24 * 3600},
		{"allow", job + "    concurrency: allow\n", batchv1.AllowConcurrent, 0, 24*3600 + 30, 24 * 3600},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := rendered[batchv1.CronJob](t, "CronJob", test.yaml).Spec
			pod := spec.JobTemplate.Spec.Template.Spec
			if spec.Schedule != "*/5 * * * *" || *spec.TimeZone != "Etc/UTC" {
				t.Errorf("it runs at %q, %s", spec.Schedule, *spec.TimeZone)
			}
			if spec.ConcurrencyPolicy != test.policy {
				t.Errorf("runs that overlap: %s", spec.ConcurrencyPolicy)
			}
			if got := *spec.JobTemplate.Spec.BackoffLimit; got != test.retries {
				t.Errorf("it is tried again %d times", got)
			}
			if job, pod := *spec.JobTemplate.Spec.ActiveDeadlineSeconds, *pod.ActiveDeadlineSeconds; job != test.jobDeadline || pod != test.podDeadline {
				t.Errorf("the Job ends after %d s, its pod after %d s; want %d and %d", job, pod, test.jobDeadline, test.podDeadline)
			}
			// What was missed while the platform was down is not made up for, and a pod that ended is not started again in place.
			if *spec.StartingDeadlineSeconds != 30 || pod.RestartPolicy != corev1.RestartPolicyNever {
				t.Errorf("it may start %d s late; its pod is restarted: %s", *spec.StartingDeadlineSeconds, pod.RestartPolicy)
			}
			// The last that succeeded and the last that failed are kept, with their output.
			if *spec.SuccessfulJobsHistoryLimit != 1 || *spec.FailedJobsHistoryLimit != 1 || spec.JobTemplate.Spec.TTLSecondsAfterFinished != nil {
				t.Errorf("the history is %d and %d", *spec.SuccessfulJobsHistoryLimit, *spec.FailedJobsHistoryLimit)
			}
		})
	}
}

// Whom `emails:` concerns finds it on the objects, and no pod has it: another value restarts nothing.
func TestEmails(t *testing.T) {
	for _, emails := range []string{"none", "onfinish", "onfailure", "all"} {
		want := emails
		if emails == "none" {
			want = ""
		}
		cronJob := rendered[batchv1.CronJob](t, "CronJob", "jobs:\n  - {name: a, command: ./a, schedule: \"@daily\", emails: "+emails+"}\n")
		deployment := rendered[appsv1.Deployment](t, "Deployment", "jobs:\n  - {name: a, command: ./a, continuous: true, emails: "+emails+"}\n")
		for what, labels := range map[string]map[string]string{
			"the CronJob": cronJob.Labels, "its Jobs": cronJob.Spec.JobTemplate.Labels, "the Deployment": deployment.Labels,
		} {
			if labels[api.EmailsLabel] != want || labels[api.NameLabel] != "a" {
				t.Errorf("emails: %s: the labels of %s are %v", emails, what, labels)
			}
		}
		for _, labels := range []map[string]string{cronJob.Spec.JobTemplate.Spec.Template.Labels, deployment.Spec.Template.Labels} {
			if _, there := labels[api.EmailsLabel]; there {
				t.Errorf("emails: %s: a pod has the labels %v", emails, labels)
			}
		}
	}
}
