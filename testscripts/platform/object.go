package platform

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// look is the time between two looks at something that is not watched.
const look = 200 * time.Millisecond

// Gone waits until an object does not exist.
func (p *Platform) Gone(ctx context.Context, apiVersion, kind, namespace, name string) error {
	object := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}}
	err := wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		err := p.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, object)
		return err != nil && client.IgnoreNotFound(err) == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s %s/%s is still there: %w", kind, namespace, name, err)
	}
	return nil
}
