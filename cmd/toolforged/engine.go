package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/build"
	tektonv1 "github.com/toolforge/toolforged/build/tekton/v1"
)

// The values of --build-engine.
const (
	enginePods   = "pods"
	engineTekton = "tekton"
)

func checkEngine(name string) error {
	if name != enginePods && name != engineTekton {
		return fmt.Errorf("--build-engine is %q: it must be %s or %s", name, enginePods, engineTekton)
	}
	return nil
}

// engine runs the builds.
func engine(m ctrl.Manager, o options) build.Engine {
	if o.buildEngine == engineTekton {
		return &build.TektonEngine{Config: buildConfig(o), Client: m.GetClient(), Live: m.GetAPIReader()}
	}
	return &build.PodEngine{Config: buildConfig(o), Client: m.GetClient(), Live: m.GetAPIReader()}
}

// buildObjects are of what builds are made, beside pods.
func (o options) buildObjects() []client.Object {
	if o.buildEngine == engineTekton {
		return []client.Object{&tektonv1.TaskRun{}}
	}
	return nil
}

// addEngineTypes makes the engine's types known. Those of Tekton are there only when it is: a kind that the cluster does not
// have cannot be watched.
func addEngineTypes(scheme *runtime.Scheme, o options) error {
	if o.buildEngine != engineTekton {
		return nil
	}
	if err := tektonv1.AddToScheme(scheme); err != nil {
		return fmt.Errorf("register Tekton's types: %w", err)
	}
	return nil
}
