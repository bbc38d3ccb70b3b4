package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	probeName = "localcluster-probe"
	// probeTime bounds the wait for the probe, which itself tries for 30 s.
	probeTime = 90 * time.Second
)

// probe runs a pod that reaches the API server, the registry and the git
// server by name. When it succeeds, everything a pod needs works.
func probe(ctx context.Context, client kubernetes.Interface, image string, programs []*running) error {
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	remove := func(ctx context.Context) error {
		err := pods.Delete(ctx, probeName, *metav1.NewDeleteOptions(0))
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	create := func(ctx context.Context) error {
		if err := remove(ctx); err != nil {
			return err
		}
		_, err := pods.Create(ctx, probePod(image), metav1.CreateOptions{})
		return err
	}
	// In a new cluster the namespace's service account comes a moment later.
	if err := await(ctx, "a pod to be accepted", probeTime, programs, create); err != nil {
		return err
	}
	var failed error
	ended := func(ctx context.Context) error {
		pod, err := pods.Get(ctx, probeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		switch pod.Status.Phase {
		case corev1.PodSucceeded:
			return nil
		case corev1.PodFailed:
			failed = errors.New("a pod cannot reach the API server, the registry or the git server by name: " + probeMessage(pod))
			return nil
		}
		return fmt.Errorf("the pod is %s: %s", pod.Status.Phase, probeMessage(pod))
	}
	err := await(ctx, "a pod to run", probeTime, programs, ended)
	return errors.Join(err, failed, remove(ctx))
}

func probeMessage(pod *corev1.Pod) string {
	for _, status := range pod.Status.ContainerStatuses {
		if w := status.State.Waiting; w != nil {
			return w.Reason + " " + w.Message
		}
		if t := status.State.Terminated; t != nil {
			return t.Message
		}
	}
	return pod.Status.Message
}

func probePod(image string) *corev1.Pod {
	no, yes := false, true
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: probeName},
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: &no,
			EnableServiceLinks:           &no,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   &yes,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:                     "probe",
				Image:                    image,
				ImagePullPolicy:          corev1.PullNever,
				Command:                  []string{"/probe"},
				Args:                     []string{"kubernetes.default.svc.cluster.local:443", registryInPods, GitName + ":" + gitPort},
				TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}
