package render

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	acbatchv1 "k8s.io/client-go/applyconfigurations/batch/v1"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// A run that is more than this late is skipped.
const startingDeadlineSeconds = 30

func jobProcess(in Input, job manifest.Job) process {
	return process{
		name:    job.Name,
		image:   in.Images[ImageName(&job.Run)],
		run:     job.Run,
		volumes: in.mounts(job.Run),
		env:     []map[string]string{in.Manifest.Env, job.Env},
		secrets: []map[string]manifest.Secret{in.Manifest.Secrets, job.Secrets},
		port:    job.Port,
		proto:   job.Protocol,
		check:   job.HealthCheck,
		// Another process of the tool may be talking to it.
		serves: job.Port != 0,
	}
}

func continuous(in Input, job manifest.Job) []any {
	p := jobProcess(in, job)
	labels := in.labels(api.ContinuousJobComponent, job.Name)
	objects := []any{deployment(in, p, labels, job.Replicas).WithLabels(emails(job))}
	if job.Port != 0 {
		objects = append(objects, service(in, p, labels))
	}
	return objects
}

func scheduled(in Input, job manifest.Job) *acbatchv1.CronJobApplyConfiguration {
	labels := in.labels(api.ScheduledJobComponent, job.Name)
	p := jobProcess(in, job)
	pod := accorev1.PodTemplateSpec().
		WithLabels(labels).
		WithAnnotations(p.annotations(in)).
		WithSpec(p.pod().
			WithActiveDeadlineSeconds(seconds(job.Timeout)).
			WithRestartPolicy(corev1.RestartPolicyNever))
	return acbatchv1.CronJob(job.Name, in.Namespace).
		WithLabels(labels).
		WithLabels(emails(job)).
		WithSpec(acbatchv1.CronJobSpec().
			WithSchedule(job.Schedule.Cron(in.Tool, job.Name)).
			WithTimeZone("Etc/UTC").
			WithConcurrencyPolicy(concurrency(job.Concurrency)).
			WithStartingDeadlineSeconds(startingDeadlineSeconds).
			WithSuccessfulJobsHistoryLimit(1).
			WithFailedJobsHistoryLimit(1).
			WithJobTemplate(acbatchv1.JobTemplateSpec().
				WithLabels(labels).
				WithLabels(emails(job)).
				WithSpec(acbatchv1.JobSpec().
					WithBackoffLimit(int32(job.Retry)).
					WithActiveDeadlineSeconds(seconds(deadline(job))).
					WithTemplate(pod))))
}

// cleanUp is how long a pod that has reached its deadline may take to go, beyond the time that its process has for that.
const cleanUp = 15 * time.Second

// deadline is when the Job is ended, whatever its pods do. A pod that is ended by its own deadline is kept, and so its
// output; one that is ended with its Job is deleted. So the Job's is later, but where pods are tried again: then it bounds
// them all.
func deadline(job manifest.Job) time.Duration {
	if job.Retry > 0 {
		return job.Timeout
	}
	return job.Timeout + job.Shutdown + cleanUp
}

func seconds(d time.Duration) int64 { return int64(d.Seconds()) }

// emails is the label that says of which ends of a job the maintainers are told. It is no pod's: another one restarts nothing.
func emails(job manifest.Job) map[string]string {
	if job.Emails == manifest.EmailsNone {
		return nil
	}
	return map[string]string{api.EmailsLabel: string(job.Emails)}
}

func concurrency(c manifest.Concurrency) batchv1.ConcurrencyPolicy {
	switch c {
	case manifest.Allow:
		return batchv1.AllowConcurrent
	case manifest.Replace:
		return batchv1.ReplaceConcurrent
	default:
		return batchv1.ForbidConcurrent
	}
}
