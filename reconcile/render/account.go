package render

import accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

// account is what the tool's pods run as. It may do nothing, and no pod gets a token for it.
func account(in Input) *accorev1.ServiceAccountApplyConfiguration {
	return accorev1.ServiceAccount(SurroundingsName, in.Namespace).
		WithLabels(in.ownLabels()).
		WithAutomountServiceAccountToken(false)
}
