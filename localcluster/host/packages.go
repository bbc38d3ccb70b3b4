package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
)

// need is a program the cluster uses and the Debian package it is in.
type need struct{ program, pkg string }

var needs = []need{
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"runc", "runc"},
	{CNIPlugins + "/bridge", "containernetworking-plugins"},
	{CNIPlugins + "/host-local", "containernetworking-plugins"},
	{"iptables", "iptables"},
	{"nft", "nftables"},
	{"mount", "mount"},
	{"git", "git"},
	{"ssh-keygen", "openssh-client"},
}

// CNIPlugins is where Debian puts the programs that make pods' networks.
const CNIPlugins = "/usr/lib/cni"

// InstallMissing installs by apt-get the Debian packages whose programs are not
// on this machine, and says so on out.
func InstallMissing(out io.Writer) error {
	missing := missingPackages(exec.LookPath)
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintf(out, "    installing from Debian: %v\n", missing)
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("these programs are missing and there is no apt-get to install them: %v", missing)
	}
	restart, err := denyServices()
	if err != nil {
		return err
	}
	defer restart()
	if err := apt(out, "update", "-q"); err != nil {
		return err
	}
	if err := apt(out, append([]string{"install", "-q", "-y", "--no-install-recommends"}, missing...)...); err != nil {
		return err
	}
	if slices.Contains(missing, "containerd") {
		disableUnit("containerd.service")
	}
	if still := missingPackages(exec.LookPath); len(still) > 0 {
		return fmt.Errorf("still missing after installing: %v", still)
	}
	return nil
}

func missingPackages(look func(string) (string, error)) []string {
	var missing []string
	for _, n := range needs {
		if _, err := look(n.program); err != nil && !slices.Contains(missing, n.pkg) {
			missing = append(missing, n.pkg)
		}
	}
	return missing
}

func apt(out io.Writer, args ...string) error {
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %v: %w", args, err)
	}
	return nil
}

// servicePolicy is the program that Debian's packages ask whether they may
// start what they install.
const servicePolicy = "/usr/sbin/policy-rc.d"

// denyServices keeps packages from starting their services until restart is
// called: the cluster runs a containerd of its own. A policy the machine has
// already is left as it is.
func denyServices() (restart func(), err error) {
	file, err := os.OpenFile(servicePolicy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("keeping packages from starting services: %w", err)
	}
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("keeping packages from starting services: %w", err)
	}
	return func() { _ = os.Remove(servicePolicy) }, nil
}

// disableUnit keeps systemd from starting a service at the machine's next
// start. Where systemd is missing there is nothing to keep.
func disableUnit(name string) { _ = exec.Command("systemctl", "disable", name).Run() }
