package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// program is a process of toolforged itself.
type program struct {
	command *exec.Cmd
	address string
	files   string
}

// startProgram starts the program toolforged on an API server, with a secret for webhooks.
func startProgram(ctx context.Context, path string, kubeconfig []byte, secret string) (p *program, err error) {
	p = &program{}
	if p.files, err = os.MkdirTemp("", "toolforged-bench-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	config := filepath.Join(p.files, "kubeconfig")
	secrets := filepath.Join(p.files, "webhooks")
	if err := errors.Join(os.WriteFile(config, kubeconfig, 0o600), os.Mkdir(secrets, 0o700), os.WriteFile(filepath.Join(secrets, "default"), []byte(secret), 0o600)); err != nil {
		return nil, fmt.Errorf("write a file: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p.command = exec.CommandContext(ctx, path,
		"--domain=example.org", "--registry=registry.example/tools", "--program-image=registry.example/toolforged",
		"--status-address="+p.address, "--lease-namespace=default", "--git-addresses=127.0.0.1", "--webhook-secrets="+secrets, "--log-level=error",
		// An API server that is busy with thousands of new tools is no reason to end.
		"--lease-duration=60s", "--lease-renew=50s", "--lease-retry=2s",
	)
	p.command.Env = append(os.Environ(), "KUBECONFIG="+config)
	p.command.Stderr = os.Stderr
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start toolforged: %w", err)
	}
	return p, nil
}

func (p *program) stop() error {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
	return os.RemoveAll(p.files)
}

// ready waits until the program answers that it is.
func (p *program) ready(ctx context.Context) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if _, err := p.get("/readyz"); err == nil {
			return nil
		} else if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("toolforged is not ready: %w", err)
		}
	}
}

func (p *program) get(path string) (string, error) {
	response, err := http.Get("http://" + p.address + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is answered %s", path, response.Status)
	}
	return string(body), err
}

// metric is the value of one metric, with its labels as they are printed.
func (p *program) metric(name string) (float64, error) {
	page, err := p.get("/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(page) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", name)
}

var residentLine = regexp.MustCompile(`(?m)^(VmRSS|RssAnon|RssFile):\s+(\d+) kB$`)

// resident is how much memory the process has, and how much of that is pages of files, in bytes.
func (p *program) resident() (all, files float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the process's memory: %w", err)
	}
	for _, match := range residentLine.FindAllStringSubmatch(string(status), -1) {
		kilobytes, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return 0, 0, err
		}
		switch match[1] {
		case "VmRSS":
			all = kilobytes * 1024
		case "RssFile":
			files = kilobytes * 1024
		}
	}
	return all, files, nil
}

// processorTime is what the process has used so far.
func (p *program) processorTime() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the process's processor time: %w", err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	ticks := 0.0
	for _, at := range []int{11, 12} { // user and system, in hundredths of a second
		n, err := strconv.ParseFloat(fields[at], 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks * float64(time.Second) / 100), nil
}
