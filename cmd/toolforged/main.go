// Command toolforged keeps tools as their repositories say: it follows each Tool's git repository, has its source built,
// and converges the tool's namespace to what its toolforge.yaml declares.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"
)

// version is set when the program is built.
var version = "development"

func main() {
	o, err := parse(os.Args[1:])
	switch {
	case err == pflag.ErrHelp:
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "toolforged:", err)
		os.Exit(2)
	}
	if o.showVersion {
		fmt.Println(version)
		return
	}
	if err := run(ctrl.SetupSignalHandler(), o); err != nil {
		fmt.Fprintln(os.Stderr, "toolforged:", err)
		os.Exit(1)
	}
}
