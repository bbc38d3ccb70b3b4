package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/toolforge/toolforged/localcluster/cluster"
	"github.com/toolforge/toolforged/localcluster/gitserver"
	"github.com/toolforge/toolforged/localcluster/ingress"
	"github.com/toolforge/toolforged/localcluster/networkpolicy"
	"github.com/toolforge/toolforged/localcluster/registry"
)

func commands() map[string]func([]string) error {
	return map[string]func([]string) error{
		"up":            up,
		"down":          down,
		"restart":       restart,
		"registry":      runRegistry,
		"gitserver":     runGitserver,
		"ingress":       runIngress,
		"networkpolicy": runNetworkpolicy,
	}
}

func up(args []string) error {
	config, err := readConfig("up", args)
	if err != nil {
		return err
	}
	return cluster.Up(interruptible(), config, os.Stdout)
}

func down(args []string) error {
	config, err := readConfig("down", args)
	if err != nil {
		return err
	}
	return cluster.Down(interruptible(), config, os.Stdout)
}

func restart(args []string) error {
	var program string
	config, err := readConfig("restart", args, &program)
	if err != nil {
		return err
	}
	return cluster.Restart(interruptible(), config, program, os.Stdout)
}

// readConfig reads flags whose defaults the environment may set, and as many operands as are asked for.
func readConfig(name string, args []string, operands ...*string) (cluster.Config, error) {
	// Debian's programs for administrators are not on every user's path.
	if err := os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin"); err != nil {
		return cluster.Config{}, err
	}
	program, err := os.Executable()
	if err != nil {
		return cluster.Config{}, fmt.Errorf("finding this binary: %w", err)
	}
	program, err = filepath.EvalSymlinks(program)
	if err != nil {
		return cluster.Config{}, fmt.Errorf("finding this binary: %w", err)
	}
	config := cluster.Config{Program: program}
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	// The binary is .local/bin/localcluster.
	flags.StringVar(&config.Root, "root", filepath.Dir(filepath.Dir(program)), "`directory` with the cluster's state")
	var bad error
	port := func(to *int, flagName, variable string, otherwise int, what string) {
		if text := os.Getenv(variable); text != "" {
			if otherwise, err = strconv.Atoi(text); err != nil {
				bad = errors.Join(bad, fmt.Errorf("%s=%q is not a port", variable, text))
			}
		}
		flags.IntVar(to, flagName, otherwise, what+"; or the variable "+variable)
	}
	port(&config.GitPort, "git-port", "GIT_PORT", 3000, "`port` of the git server on 127.0.0.1")
	port(&config.RegistryPort, "registry-port", "REGISTRY_PORT", 5000, "`port` of the registry on 127.0.0.1")
	port(&config.SitesPort, "sites-port", "SITES_PORT", 8080, "`port` of the sites on 127.0.0.1")
	port(&config.StatusPort, "status-port", "STATUS_PORT", 8081, "`port` of the status endpoint on 127.0.0.1")
	if err := flags.Parse(args); err != nil {
		return cluster.Config{}, err
	}
	if flags.NArg() != len(operands) {
		return cluster.Config{}, fmt.Errorf("it takes %d operands, and has %q", len(operands), flags.Args())
	}
	for i, operand := range operands {
		*operand = flags.Arg(i)
	}
	config.Root, err = filepath.Abs(config.Root)
	return config, errors.Join(bad, err)
}

func runRegistry(args []string) error {
	flags := flag.NewFlagSet("registry", flag.ExitOnError)
	var config registry.Config
	flags.StringVar(&config.Dir, "dir", "", "`directory` of the images")
	flags.StringVar(&config.Faults, "faults", "", "`file` that says which requests go wrong; it need not exist")
	credentials := flags.String("credentials", "", "`directory` with the account, as DOCKER_CONFIG; made when missing")
	var listen, names addresses
	flags.Var(&listen, "listen", "`address` to listen on; may be given again")
	flags.Var(&names, "name", "`host:port` that clients know the registry by; may be given again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if config.Account, err = registry.Credentials(*credentials, names); err != nil {
		return err
	}
	ctx := interruptible()
	handler, err := registry.New(ctx, config)
	if err != nil {
		return err
	}
	return serve(ctx, site{handler, listen})
}

func runGitserver(args []string) error {
	flags := flag.NewFlagSet("gitserver", flag.ExitOnError)
	dir := flags.String("dir", "", "`directory` of the repositories")
	credentials := flags.String("credentials", "", "`file` with the password of private repositories; made when missing")
	var listen, names addresses
	flags.Var(&listen, "listen", "`address` to listen on; may be given again")
	flags.Var(&names, "name", "`host:port` that clients know the server by; may be given again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	user, password, err := gitserver.Credentials(*credentials, names)
	if err != nil {
		return err
	}
	server, err := gitserver.New(*dir, user, password, logger())
	if err != nil {
		return err
	}
	return serve(interruptible(), site{server, listen})
}

func runIngress(args []string) error {
	flags := flag.NewFlagSet("ingress", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig `file`")
	sites := flags.String("sites", "127.0.0.1:8080", "`address` of the sites")
	status := flags.String("status", "127.0.0.1:8081", "`address` of the status endpoint")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := newClient(*kubeconfig)
	if err != nil {
		return err
	}
	ctx := interruptible()
	in, err := ingress.New(ctx, client, logger())
	if err != nil {
		return err
	}
	return serve(ctx, site{in.Sites(), addresses{*sites}}, site{in.Status(), addresses{*status}})
}

func runNetworkpolicy(args []string) error {
	flags := flag.NewFlagSet("networkpolicy", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	client, err := newClient(*kubeconfig)
	if err != nil {
		return err
	}
	return networkpolicy.Follow(interruptible(), client, logger())
}

func newClient(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return client, nil
}
