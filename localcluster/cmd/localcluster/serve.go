package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// addresses is a flag that may be given more than once.
type addresses []string

func (a *addresses) String() string { return strings.Join(*a, ",") }

// Set adds an address.
func (a *addresses) Set(value string) error {
	*a = append(*a, value)
	return nil
}

// site is a handler and the addresses it is served at.
type site struct {
	handler http.Handler
	listen  addresses
}

// serve answers requests until ctx ends, and then lets those under way end.
func serve(ctx context.Context, sites ...site) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range sites {
		if len(s.listen) == 0 {
			return errors.New("no address to listen on")
		}
		server := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
		for _, address := range s.listen {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("listening: %w", err)
			}
			group.Go(func() error {
				if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					return fmt.Errorf("serving %s: %w", address, err)
				}
				return nil
			})
		}
		group.Go(func() error {
			<-ctx.Done()
			rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			return server.Shutdown(rest)
		})
	}
	return group.Wait()
}

// interruptible ends when the process is asked to.
func interruptible() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT) //nolint:govet // until the process ends
	return ctx
}

func logger() *slog.Logger { return slog.New(slog.NewTextHandler(os.Stderr, nil)) }
