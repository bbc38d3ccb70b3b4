package render

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	acbatchv1 "k8s.io/client-go/applyconfigurations/batch/v1"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// PreDeployJobs renders the manifest's pre-deploy jobs, in their order. Each is a Job that has the name of its job still: who
// creates it names it by PreDeployName. It is never tried again, and stays when it has ended, until it is deleted: that it
// is there tells that it was started.
func PreDeployJobs(in Input) ([]*unstructured.Unstructured, error) {
	var configurations []any
	for _, job := range in.Manifest.Jobs {
		if job.PreDeploy {
			configurations = append(configurations, preDeploy(in, job))
		}
	}
	return objectsOf(configurations)
}

func preDeploy(in Input, job manifest.Job) *acbatchv1.JobApplyConfiguration {
	labels := in.labels(api.PreDeployComponent, job.Name)
	pod := accorev1.PodTemplateSpec().
		WithLabels(labels).
		WithSpec(jobProcess(in, job).pod().WithRestartPolicy(corev1.RestartPolicyNever))
	return acbatchv1.Job(job.Name, in.Namespace).
		WithLabels(labels).
		WithSpec(acbatchv1.JobSpec().
			WithBackoffLimit(0).
			WithActiveDeadlineSeconds(int64(job.Timeout.Seconds())).
			// Else a second pod could be started while the first is still ending.
			WithPodReplacementPolicy(batchv1.Failed).
			WithTemplate(pod))
}

// PreDeployName names a job's run for one deployment, which is told by words that no other deployment has all of. It is
// within 63 characters, so that the Job's pods can be labelled with it.
func PreDeployName(job string, deployment ...string) string {
	sum := sha256.New()
	for _, word := range deployment {
		fmt.Fprintln(sum, word)
	}
	return job + "-" + hex.EncodeToString(sum.Sum(nil)[:4])
}
