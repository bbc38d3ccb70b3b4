// Command probe runs in a pod of the local cluster and tells what it reaches.
//
//	probe ADDRESS…    end well when every address is as it should be
//	probe -serve PORT answer at this port, by TCP and UDP, until it is ended
//
// An address is HOST:PORT, or udp/HOST:PORT for what another probe serves. It
// should resolve and take a connection, or with "!" before it should resolve and
// take none. The probe tries for at most 30 seconds in all until all is so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	port := flag.String("serve", "", "answer at this `port`")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var err error
	if *port != "" {
		err = serve(":" + *port)
	}
	for _, address := range flag.Args() {
		err = errors.Join(err, probe(ctx, address))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// probe tries until address is reached, or is not when it begins with "!".
func probe(ctx context.Context, address string) error {
	target, forbidden := strings.CutPrefix(address, "!")
	for {
		err := reach(ctx, target)
		var unresolved *net.DNSError
		if ctx.Err() == nil && !errors.As(err, &unresolved) && (err != nil) == forbidden {
			return nil
		}
		select {
		case <-ctx.Done():
			if forbidden {
				return fmt.Errorf("%s is still reached from a pod, or not found (%v)", target, err)
			}
			return fmt.Errorf("reaching %s from a pod: %w", target, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// reach tries once.
func reach(ctx context.Context, target string) error {
	network := "tcp"
	if address, ok := strings.CutPrefix(target, "udp/"); ok {
		network, target = "udp", address
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, network, target)
	if err != nil {
		return err
	}
	defer conn.Close()
	if network == "tcp" {
		return nil
	}
	return echoes(conn)
}

// echoes reports whether what is sent comes back.
func echoes(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("probe")); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 16))
	return err
}

// serve takes connections and sends back packets.
func serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	for {
		packet := make([]byte, 16)
		n, from, err := packets.ReadFrom(packet)
		if err != nil {
			return err
		}
		if _, err := packets.WriteTo(packet[:n], from); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
