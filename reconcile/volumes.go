package reconcile

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var volumeKind = corev1.SchemeGroupVersion.WithKind("PersistentVolume")

// freeVolume lets a PersistentVolumeClaim that is about to be made have its volume. A volume goes on belonging to the claim that
// was bound to it first, by that claim's UID, also when the claim was deleted: the next one of the name would wait for ever.
func (t *Tools) freeVolume(ctx context.Context, claim *unstructured.Unstructured) error {
	if claim.GetKind() != "PersistentVolumeClaim" {
		return nil
	}
	name, _, err := unstructured.NestedString(claim.Object, "spec", "volumeName")
	if err != nil || name == "" {
		return err
	}
	volume := &corev1.PersistentVolume{}
	target := reference(volumeKind, "", name)
	if found, err := found(t.Live.Get(ctx, client.ObjectKeyFromObject(target), volume), target); !found {
		return err
	}
	bound := volume.Spec.ClaimRef
	if bound == nil || bound.UID == "" || volume.DeletionTimestamp != nil ||
		bound.Namespace != claim.GetNamespace() || bound.Name != claim.GetName() {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"spec":{"claimRef":{"uid":null,"resourceVersion":null}}}`, volume.ResourceVersion)
	if err := t.Client.Patch(ctx, volume, client.RawPatch(types.MergePatchType, []byte(patch)), fieldOwner); err != nil {
		return fmt.Errorf("release %s: %w", nameOf(target), err)
	}
	return nil
}
