// Command generate prints the JSON Schema of toolforge.yaml. `make generate` runs it.
package main

import (
	"fmt"
	"os"

	"github.com/toolforge/toolforged/manifest"
)

func main() {
	text, err := manifest.Schema()
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
