package build

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
