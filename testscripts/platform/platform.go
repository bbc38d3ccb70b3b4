// Package platform does with a running platform what its people do: a maintainer's pushes and visits, an administrator's
// tools and looks at the API server. The end-to-end scripts and the demonstration stand on it.
//
// The entry point is New.
package platform

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Platform is a running platform, as the Makefile's variables describe it.
type Platform struct {
	// Client talks to the API server as an administrator.
	Client client.WithWatch
	// Git is how the platform reaches the git server, GitPush how this machine does; both without a slash at the end.
	Git, GitPush string
	// GitCredentials is a file in the format of git's credential store, for repositories that ask for a password.
	GitCredentials string
	// Domain is the parent of the tools' host names. Sites is where this machine reaches them: host:port.
	Domain, Sites string
	// Status is the address of the status endpoint.
	Status string

	// pods reads from pods through the API server.
	pods *kubernetes.Clientset
	http *http.Client
}

// requestTimeout bounds one HTTP request.
const requestTimeout = 10 * time.Second

// New describes the platform by the environment, with the Makefile's defaults.
func New() (*Platform, error) {
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		return nil, fmt.Errorf("KUBECONFIG is not set: run this by `make test` or `make demo`")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig %s (is the cluster up? `make cluster`): %w", path, err)
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := api.AddToScheme(scheme); err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	pods, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	variable := func(name, otherwise string) string { return cmp.Or(os.Getenv(name), otherwise) }
	return &Platform{
		Client:         c,
		Git:            variable("GIT", "http://git.toolforge.local:3000"),
		GitPush:        variable("GIT_PUSH", "http://127.0.0.1:3000"),
		GitCredentials: os.Getenv("GIT_CREDENTIALS"),
		Domain:         variable("DOMAIN", "toolforge.localhost"),
		Sites:          variable("SITES", "127.0.0.1:"+variable("SITES_PORT", "8080")),
		Status:         variable("STATUS", "http://127.0.0.1:8081/"),
		pods:           pods,
		// Each request is a new connection, as a new visitor's is.
		http: &http.Client{Timeout: requestTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}, nil
}
