// Command probe runs in a pod of the local cluster and ends well when every
// HOST:PORT it is given resolves and takes a connection. It tries for at most
// 30 seconds in all.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, address := range os.Args[1:] {
		if err := reach(ctx, address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// reach tries until a connection is made or ctx ends.
func reach(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: 2 * time.Second}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("reaching %s from a pod: %w", address, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
