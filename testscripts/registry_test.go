package testscripts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/rogpeppe/go-internal/testscript"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// registryFaults has requests to the local cluster's registry go wrong as the file says; registry-faults without a file ends
// that. It is the whole platform's registry: scripts that run side by side must not both do it.
func registryFaults(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.Getenv("REGISTRY_FAULTS")
	if neg || len(args) > 1 || file == "" {
		ts.Fatalf("usage: registry-faults [FILE], with the local cluster")
	}
	if len(args) == 0 {
		ts.Check(mendRegistry(file))
		return
	}
	of(ts).faults = file
	// The registry reads it at any moment.
	ts.Check(os.WriteFile(file+".new", []byte(ts.ReadFile(args[0])), 0o600))
	ts.Check(os.Rename(file+".new", file))
}

// mendRegistry ends the faults, also those that a killed run left.
func mendRegistry(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// registryAccounts are the forms in which the registry's password is written down in a directory as DOCKER_CONFIG names one: the
// password itself, and with the user in base64.
func registryAccounts(directory string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(directory, "config.json"))
	if err != nil {
		return nil, fmt.Errorf("read the registry's account: %w", err)
	}
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("read the registry's account in %s/config.json: %w", directory, err)
	}
	var forms []string
	for _, account := range config.Auths {
		_, password, _ := strings.Cut(string(account.Auth), ":")
		forms = append(forms, password, base64.StdEncoding.EncodeToString(account.Auth))
	}
	if len(forms) == 0 {
		return nil, fmt.Errorf("%s/config.json holds no account", directory)
	}
	return forms, nil
}

// registryReference is an image of the local cluster's registry as this machine reaches it, by its name without the registry's.
func registryReference(ts *testscript.TestScript, image string) (name.Reference, []remote.Option) {
	reference, err := name.ParseReference(os.Getenv("REGISTRY_PUSH")+"/"+image, name.Insecure)
	ts.Check(err)
	return reference, []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(of(ts).ctx)}
}

// registryHas [-within DURATION] REPOSITORY:TAG... waits until the registry has all of them, or with ! none of them, at most for that
// long, times patience.
func registryHas(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("registry-has", flag.ContinueOnError)
	within := flags.Duration("within", 0, "")
	ts.Check(flags.Parse(args))
	if flags.NArg() == 0 {
		ts.Fatalf("usage: registry-has [-within DURATION] REPOSITORY:TAG...")
	}
	for _, image := range flags.Args() {
		reference, options := registryReference(ts, image)
		for deadline := time.Now().Add(patience * *within); ; time.Sleep(500 * time.Millisecond) {
			_, err := remote.Head(reference, options...)
			var answer *transport.Error
			if err != nil && !(errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound) {
				ts.Fatalf("%s: %v", image, err)
			}
			if (err == nil) != neg {
				break
			}
			if time.Now().After(deadline) {
				ts.Fatalf("the registry has %s: %t", image, err == nil)
			}
		}
	}
}

// registryRemove REPOSITORY:TAG removes an image, as an administrator might.
func registryRemove(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: registry-remove REPOSITORY:TAG")
	}
	reference, options := registryReference(ts, args[0])
	head, err := remote.Head(reference, options...)
	ts.Check(err)
	ts.Check(remote.Delete(reference.Context().Digest(head.Digest.String()), options...))
}

// imageOf TOOL VARIABLE names the image of a tool's first build, as repository:tag without the registry's name.
func imageOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: image-of TOOL VARIABLE")
	}
	var tool api.Tool
	ts.Check(of(ts).platform.Client.Get(of(ts).ctx, client.ObjectKey{Name: args[0]}, &tool))
	if len(tool.Status.Builds) == 0 {
		ts.Fatalf("tool %s has no build", args[0])
	}
	build := tool.Status.Builds[0]
	ts.Setenv(args[1], fmt.Sprintf("tool-%s/%s:%s", tool.Name, build.Name, build.Key))
}

// registryCopy FROM TO gives an image of the local cluster's registry another name, without the registry's: repository:tag.
func registryCopy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: registry-copy FROM TO")
	}
	from, options := registryReference(ts, args[0])
	to, _ := registryReference(ts, args[1])
	image, err := remote.Image(from, options...)
	ts.Check(err)
	ts.Check(remote.Write(to, image, options...))
}

// maxReadLayer bounds the layers that registry-read writes, in bytes, compressed: what a small tool adds is smaller, what it runs on
// is larger.
const maxReadLayer = 1 << 20

// registryRead REPOSITORY:TAG FILE writes into the file what the local cluster's registry has there, an image or a log: its manifest,
// its configuration, and what is in its layers, without those of more than 1 MiB.
func registryRead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: registry-read REPOSITORY:TAG FILE")
	}
	ref, err := name.ParseReference(os.Getenv("REGISTRY_PUSH")+"/"+args[0], name.Insecure)
	ts.Check(err)
	image, err := remote.Image(ref, remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(of(ts).ctx))
	ts.Check(err)
	var text bytes.Buffer
	for _, raw := range []func() ([]byte, error){image.RawManifest, image.RawConfigFile} {
		data, err := raw()
		ts.Check(err)
		text.Write(append(data, '\n'))
	}
	layers, err := image.Layers()
	ts.Check(err)
	for _, layer := range layers {
		size, err := layer.Size()
		ts.Check(err)
		if size > maxReadLayer {
			continue
		}
		content, err := layer.Uncompressed()
		ts.Check(err)
		_, err = text.ReadFrom(content)
		ts.Check(err)
		ts.Check(content.Close())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text.Bytes(), 0o666))
}

// builder NAME FILE makes a Builder of a file into which the environment variables of the script are filled. It goes with the script.
func builder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: builder NAME FILE")
	}
	s := of(ts)
	var entry api.Builder
	ts.Check(yaml.UnmarshalStrict([]byte(os.Expand(ts.ReadFile(args[1]), ts.Getenv)), &entry))
	entry.Name = args[0]
	s.builders = append(s.builders, args[0])
	ts.Check(s.platform.Client.Create(s.ctx, &entry))
}
