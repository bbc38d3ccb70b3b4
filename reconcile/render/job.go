package render

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	acbatchv1 "k8s.io/client-go/applyconfigurations/batch/v1"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

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
	labels := in.labels("continuous-job", job.Name)
	objects := []any{deployment(in, p, labels, job.Replicas)}
	if job.Port != 0 {
		objects = append(objects, service(in, p, labels))
	}
	return objects
}

func scheduled(in Input, job manifest.Job) *acbatchv1.CronJobApplyConfiguration {
	labels := in.labels("scheduled-job", job.Name)
	p := jobProcess(in, job)
	pod := accorev1.PodTemplateSpec().
		WithLabels(labels).
		WithAnnotations(p.annotations(in)).
		WithSpec(p.pod().WithRestartPolicy(corev1.RestartPolicyNever))
	return acbatchv1.CronJob(job.Name, in.Namespace).
		WithLabels(labels).
		WithSpec(acbatchv1.CronJobSpec().
			WithSchedule(job.Schedule.Cron(in.Tool, job.Name)).
			WithTimeZone("Etc/UTC").
			WithConcurrencyPolicy(concurrency(job.Concurrency)).
			WithStartingDeadlineSeconds(startingDeadlineSeconds).
			WithSuccessfulJobsHistoryLimit(1).
			WithFailedJobsHistoryLimit(1).
			WithJobTemplate(acbatchv1.JobTemplateSpec().
				WithLabels(labels).
				WithSpec(acbatchv1.JobSpec().
					WithBackoffLimit(int32(job.Retry)).
					WithActiveDeadlineSeconds(int64(job.Timeout.Seconds())).
					WithTemplate(pod))))
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
