// The program greeting is a buildpack written in Go with libcnb, of which this project knows nothing. It stands for those of
// others: as bin/detect and bin/build it has an image serve the text of greeting.txt, as serve it is the server.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"
)

func main() {
	if filepath.Base(os.Args[0]) == "serve" {
		if err := serve(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	libcnb.BuildpackMain(detect, build)
}

func detect(context libcnb.DetectContext) (libcnb.DetectResult, error) {
	_, err := os.Stat(filepath.Join(context.ApplicationPath, "greeting.txt"))
	return libcnb.DetectResult{Pass: err == nil}, nil
}

func build(context libcnb.BuildContext) (libcnb.BuildResult, error) {
	layer, err := context.Layers.Layer("server")
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	layer.LayerTypes = libcnb.LayerTypes{Launch: true, Cache: true}
	server := filepath.Join(layer.Path, "bin", "serve")
	if err := install(server); err != nil {
		return libcnb.BuildResult{}, fmt.Errorf("install the server: %w", err)
	}
	fmt.Println("The greeting is served by a buildpack in Go")
	result := libcnb.NewBuildResult()
	result.Layers = append(result.Layers, layer)
	result.Processes = append(result.Processes, libcnb.Process{
		Type: "web", Command: []string{server, filepath.Join(context.ApplicationPath, "greeting.txt")}, Default: true,
	})
	return result, nil
}

// install copies this program.
func install(to string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, self); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func serve(file string) error {
	return http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, file)
	}))
}
