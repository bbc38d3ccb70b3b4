package build

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// An engine runs each attempt as one object, whose name is made from the attempt: that it is there already, or gone already, is what
// was wanted. What is the kind's name in errors.

func objectExists(ctx context.Context, live client.Reader, key client.ObjectKey, object client.Object, what string) (bool, error) {
	err := live.Get(ctx, key, object)
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("look for %s %s: %w", what, key.Name, err)
	}
	return err == nil, nil
}

func createObject(ctx context.Context, writer client.Writer, object client.Object, what string) error {
	if err := writer.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create %s %s: %w", what, object.GetName(), err)
	}
	return nil
}

func deleteObject(ctx context.Context, writer client.Writer, object client.Object, what string) error {
	if err := writer.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s %s: %w", what, object.GetName(), err)
	}
	return nil
}

// cancelPod has Kubernetes end a build's pod, whose log can be read as long as it is not deleted: the time that it may take is over.
// Ends is false for one that has printed nothing, which may never have come to a node.
func cancelPod(ctx context.Context, c client.Client, key client.ObjectKey, why string) (ends bool, err error) {
	var pod corev1.Pod
	if err := c.Get(ctx, key, &pod); err != nil {
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	if neverStarted(&pod) {
		return false, nil
	}
	ended := pod.DeepCopy()
	metav1.SetMetaDataAnnotation(&ended.ObjectMeta, cancelledAnnotation, why)
	ended.Spec.ActiveDeadlineSeconds = ptr.To(int64(1))
	if err := c.Patch(ctx, ended, client.MergeFrom(&pod)); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("end build pod %s: %w", key.Name, err)
	}
	return true, nil
}
