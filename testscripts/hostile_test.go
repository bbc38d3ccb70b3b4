package testscripts

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// metadataAddress is where the clouds' machines ask for their own credentials.
const metadataAddress = "169.254.169.254"

// metadataServer has this machine, which is the local cluster's node, answer at the address of the clouds' metadata service.
func metadataServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: metadata-server")
	}
	server, err := serveMetadata()
	ts.Check(err)
	of(ts).metadata = server
}

// metadata is a server at an address that the machine has for as long as it answers.
type metadata struct{ *http.Server }

func serveMetadata() (*metadata, error) {
	// "replace": a run that was killed left it.
	if output, err := exec.Command("ip", "address", "replace", metadataAddress+"/32", "dev", "lo").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ip address replace: %w: %s", err, output)
	}
	listener, err := net.Listen("tcp", metadataAddress+":80")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "credentials of the node")
	})}
	go func() { _ = server.Serve(listener) }() // until Close
	return &metadata{server}, nil
}

// Close ends it, and takes the address away.
func (m *metadata) Close() error {
	err := m.Server.Close()
	if output, err := exec.Command("ip", "address", "del", metadataAddress+"/32", "dev", "lo").CombinedOutput(); err != nil {
		return fmt.Errorf("ip address del: %w: %s", err, output)
	}
	return err
}

// aims [-pod NAMESPACE] [-needle FILE]... FILE writes what a hostile repository looks for: the registry, the address of a pod in
// the namespace, a text to put wherever it can (the same in all of a script), and, turned around so that they are not
// found in the file itself, what it must not find: the platform's passwords and what is in the files.
func aims(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("aims", flag.ContinueOnError)
	namespace := flags.String("pod", "", "")
	var needles []string
	flags.Func("needle", "", func(file string) error {
		needles = append(needles, strings.TrimSpace(ts.ReadFile(file)))
		return nil
	})
	ts.Check(flags.Parse(args))
	if neg || flags.NArg() != 1 {
		ts.Fatalf("usage: aims [-pod NAMESPACE] [-needle FILE]... FILE")
	}
	s := of(ts)
	s.poison = cmp.Or(s.poison, "poison-"+rand.Text())
	_, password, err := s.platform.GitPassword()
	ts.Check(err)
	accounts, err := registryAccounts(os.Getenv("DOCKER_CONFIG"))
	ts.Check(err)
	wanted := struct {
		Registry string   `json:"registry"`
		Pod      string   `json:"pod"`
		Poison   string   `json:"poison"`
		Reversed []string `json:"reversed"`
	}{Registry: ts.Getenv("REGISTRY"), Poison: s.poison}
	for _, needle := range append(append(needles, password), accounts...) {
		characters := []rune(needle)
		slices.Reverse(characters)
		wanted.Reversed = append(wanted.Reversed, string(characters))
	}
	if *namespace != "" {
		wanted.Pod, err = s.podAddress(*namespace)
		ts.Check(err)
	}
	content, err := json.Marshal(wanted)
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs(flags.Arg(0)+"/.."), 0o777))
	ts.Check(os.WriteFile(ts.MkAbs(flags.Arg(0)), content, 0o666))
}

func (s *session) podAddress(namespace string) (string, error) {
	var pods corev1.PodList
	if err := s.platform.Client.List(s.ctx, &pods, client.InNamespace(namespace)); err != nil {
		return "", err
	}
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning {
			return pod.Status.PodIP, nil
		}
	}
	return "", fmt.Errorf("no pod runs in %s", namespace)
}
