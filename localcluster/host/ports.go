package host

import (
	"errors"
	"fmt"
	"net"
)

// PortsFree says which of the TCP addresses are taken by another program.
func PortsFree(addresses []string) error {
	var errs []error
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s cannot be listened on (is another program there?): %w", address, err))
			continue
		}
		_ = l.Close()
	}
	return errors.Join(errs...)
}
