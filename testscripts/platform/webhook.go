package platform

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// webhookSecret is the Secret with the secrets of webhooks, as deploy/install.sh makes it for the local cluster.
const webhookSecret = "webhooks"

// WebhookSecret is the secret that webhooks of all forges are signed with.
func (p *Platform) WebhookSecret(ctx context.Context) (string, error) {
	var secret corev1.Secret
	if err := p.Client.Get(ctx, client.ObjectKey{Namespace: daemonNamespace, Name: webhookSecret}, &secret); err != nil {
		return "", fmt.Errorf("read the secret of webhooks: %w", err)
	}
	return string(secret.Data["default"]), nil
}

// Webhook posts a webhook, signed with a secret as whoever is no forge signs it, to a replica that does not lead. It
// returns the status of the answer, and the pod that it was.
func (p *Platform) Webhook(ctx context.Context, repository, secret string) (status int, pod string, err error) {
	leader, _, err := p.leader(ctx)
	if err != nil {
		return 0, "", err
	}
	var pods corev1.PodList
	if err := p.Client.List(ctx, &pods, client.InNamespace(daemonNamespace), client.MatchingLabels{"app.kubernetes.io/name": "toolforged"}); err != nil {
		return 0, "", fmt.Errorf("list the daemon's pods: %w", err)
	}
	for i := range pods.Items {
		if name := pods.Items[i].Name; name != leader && isReady(&pods.Items[i]) {
			pod = name
		}
	}
	if pod == "" {
		return 0, "", errors.New("no replica is ready that does not lead")
	}
	body := fmt.Appendf(nil, `{"repository":%q}`, repository)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	result := p.pods.CoreV1().RESTClient().Post().Namespace(daemonNamespace).Resource("pods").Name("http:"+pod+":8080").
		SubResource("proxy").Suffix("webhook/generic").
		SetHeader("Content-Type", "application/json").SetHeader("X-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil))).
		Body(body).Do(ctx).StatusCode(&status)
	if err := result.Error(); err != nil && status == 0 {
		var answered apierrors.APIStatus
		if !errors.As(err, &answered) {
			return 0, pod, fmt.Errorf("post a webhook to pod %s: %w", pod, err)
		}
		status = int(answered.Status().Code)
	}
	return status, pod, nil
}

func isReady(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil
		}
	}
	return false
}
