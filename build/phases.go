package build

// The phases of a build, in order.
const (
	PhasePrepare = "prepare"
	PhaseDetect  = "detect"
	PhaseRestore = "restore"
	PhaseBuild   = "build"
	PhaseExport  = "export"
)

// runsRepositoryCode tells whose failures are the repository's own: in these phases its code runs, and no credential is there.
func runsRepositoryCode(phase string) bool {
	return phase == PhaseDetect || phase == PhaseRestore || phase == PhaseBuild
}

// containerOf is the container in which a phase runs. Those of the builder's image share one.
func containerOf(phase string) string {
	if runsRepositoryCode(phase) {
		return PhaseBuild
	}
	return phase
}
