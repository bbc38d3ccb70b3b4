package status

import (
	"slices"

	"github.com/toolforge/toolforged/api/v1alpha1"
)

// advice says, for each reason, what a maintainer does next. It speaks to the person whose tool it is.
var advice = map[string]string{
	v1alpha1.ReasonSucceeded: "Nothing.",
	v1alpha1.ReasonWaiting:   "Nothing: it goes on by itself.",
	v1alpha1.ReasonSuspended: "Pushes are not picked up while the tool is suspended; what runs goes on. " +
		"An administrator can resume it.",
	v1alpha1.ReasonPolling: "Nothing: the repository is being asked for its newest commit.",
	v1alpha1.ReasonRepositoryFailed: "Check that the repository exists, that it can be read without a login, and that " +
		"it has the branch or tag. It is tried again by itself. If it says that the repository may not be asked, move it " +
		"to a server that may, or ask an administrator.",
	v1alpha1.ReasonSecretMissing: "The password for the repository is missing. An administrator has to put it there.",
	v1alpha1.ReasonUnsigned: "Sign the newest commit and push it (git commit --amend --no-edit -S): only signed commits are deployed here. " +
		"/docs/signing says how.",
	v1alpha1.ReasonSignatureRefused: "Sign the newest commit with a key that is accepted and holds, and push it; or ask an administrator to " +
		"accept the key that the message names. /docs/signing says how.",
	v1alpha1.ReasonKeysInvalid:   "The keys by which commits must be signed cannot be read. An administrator has to correct them.",
	v1alpha1.ReasonSecretInvalid: "The credentials for the repository cannot be used, as the message says. An administrator has to mend them.",
	v1alpha1.ReasonKeyMissing: "The key that opens the tool's encrypted values is missing. An administrator has to bring it back, or make " +
		"another one, for which the values are then encrypted anew.",
	v1alpha1.ReasonManifestMissing: "Push a commit with a toolforge.yaml in the top directory of the repository.",
	v1alpha1.ReasonManifestInvalid: "Correct toolforge.yaml where the problems below say, and push.",
	v1alpha1.ReasonNotAllowed: "Correct toolforge.yaml where the problems below say, and push; or ask an administrator to allow the " +
		"tool more.",
	v1alpha1.ReasonBuilderUnavailable: "Check the builder and the stack named in toolforge.yaml. If they are right, an " +
		"administrator has to look at the builder.",
	v1alpha1.ReasonBuilderDeprecated: "Write the builder that the message names under `build` in toolforge.yaml before the day that it " +
		"names, push, and see that the tool works with it.",
	v1alpha1.ReasonLastGood:         "Nothing is wrong with the tool: the builder's last good image stays in use. Administrators see this too.",
	v1alpha1.ReasonImageUnavailable: "Check the image named in toolforge.yaml. If it is right, an administrator has to look at it.",
	v1alpha1.ReasonRegistryFailed: "Nothing is wrong with the tool: the image registry does not answer as it should. " +
		"It is tried again by itself; administrators see this too.",
	v1alpha1.ReasonBuilding:          "Nothing: the build takes a while.",
	v1alpha1.ReasonBuildQueued:       "Nothing: other builds go first. The page of all builds shows which.",
	v1alpha1.ReasonBuildFailed:       "Read the end of the build’s log below, correct what it complains of, and push.",
	v1alpha1.ReasonQuotaClassUnknown: "The platform does not have the tool's quota class. An administrator has to correct it.",
	v1alpha1.ReasonNamespaceTaken: "The namespace of the tool's name belongs to something else. " +
		"An administrator has to look.",
	v1alpha1.ReasonObjectTaken: "An object of the same name belongs to something else. Remove it, or rename the job in " +
		"toolforge.yaml and push.",
	v1alpha1.ReasonPreDeployRunning: "Nothing: the pre-deploy jobs run first, and the new version follows when they have succeeded.",
	v1alpha1.ReasonPreDeployFailed: "A pre-deploy job of the newest commit failed, so nothing of it was deployed. The message says how it " +
		"ended; correct that and push. The same commit is not tried again, since the job may have done half of its work.",
	v1alpha1.ReasonApplyFailed: "Read the message: if it names something that toolforge.yaml asks for, change that and " +
		"push. Otherwise an administrator has to look. It is tried again by itself.",
	v1alpha1.ReasonPruneFailed: "Something that toolforge.yaml no longer asks for could not be removed. It is tried " +
		"again by itself; if it stays, an administrator has to look.",
	v1alpha1.ReasonRolledBack: "The newest commit starts but does not become healthy, so what served before was put back. See " +
		"whether it listens on the port in the variable PORT, passes its health check and stays within its memory; correct that and push.",
	v1alpha1.ReasonContested: "Something else changes an object of this tool again and again. Find out what the message names, and " +
		"stop it, or ask an administrator.",
	v1alpha1.ReasonDeleting:   "Nothing: the tool is being removed.",
	v1alpha1.ReasonRollingOut: "Nothing: the new version is starting.",
	v1alpha1.ReasonUnhealthy: "The tool starts but does not become or stay healthy. See whether it listens on the port in the " +
		"variable PORT, passes its health check and stays within its memory; correct that and push.",
}

// nextStep is the advice for a tool, "" when there is none.
func nextStep(t Tool) string {
	switch {
	case t.Deleting:
		return "The tool is being removed, and everything that runs for it."
	case t.Suspended:
		return advice[v1alpha1.ReasonSuspended]
	case t.Reason == "":
		return "Nothing: toolforged has not looked at this tool yet."
	}
	next := advice[t.Reason]
	if t.ServingCommit != "" && slices.Contains(untouched, t.Reason) {
		next += " What was serving before goes on."
	}
	return next
}

// untouched are the reasons why a commit never reached what is serving.
var untouched = []string{
	v1alpha1.ReasonUnsigned,
	v1alpha1.ReasonSignatureRefused,
	v1alpha1.ReasonKeysInvalid,
	v1alpha1.ReasonManifestMissing,
	v1alpha1.ReasonManifestInvalid,
	v1alpha1.ReasonNotAllowed,
	v1alpha1.ReasonBuildFailed,
	v1alpha1.ReasonQuotaClassUnknown,
	v1alpha1.ReasonPreDeployFailed,
}
