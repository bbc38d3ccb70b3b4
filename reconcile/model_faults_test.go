package reconcile

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What the way to a server can do to a request.
type fault int

const (
	none fault = iota
	killBefore
	killAfter
	unreachable
	internalError
	tooMany
	// lost: the request has its effect, the answer does not arrive.
	lost
	// conflicting: the server gave up because of others' writes, as it does when a quota is contended.
	conflicting
)

// killed is what a daemon panics with that is killed.
type killed struct{}

var (
	errUnreachable = errors.New("dial tcp: connection refused")
	errLost        = errors.New("read tcp: connection reset by peer")
)

// faults decide what happens to each request. The zero value does nothing.
type faults struct {
	// rate of all faults, and of those that kill, from 0 to 1.
	rate, kills float64
}

func (w *world) fault(write bool) fault {
	if w.calm {
		return none
	}
	roll := w.random.Float64()
	switch {
	case roll < w.faults.kills/2:
		return killBefore
	case roll < w.faults.kills:
		return killAfter
	case roll >= w.faults.rate:
		return none
	case write:
		return []fault{unreachable, internalError, tooMany, lost, lost, conflicting}[w.random.IntN(6)]
	default:
		return []fault{unreachable, internalError, tooMany}[w.random.IntN(3)]
	}
}

// call sends a request of the daemon: time passes on the way there and back, and anything may happen meanwhile.
func (d *modelDaemon) call(what string, write bool, resource schema.GroupResource, effect func() error) error {
	w := d.world
	w.calls++
	w.elapse(w.latency())
	d.dieIfKilled()
	err := d.send(w.fault(write), resource, effect)
	if err == nil {
		w.tracef("  %s", what)
	} else {
		w.tracef("  %s: %v", what, err)
	}
	w.elapse(w.latency())
	d.dieIfKilled()
	return err
}

func (d *modelDaemon) send(fault fault, resource schema.GroupResource, effect func() error) error {
	if d.world.outage {
		return errUnreachable
	}
	if fault != none {
		d.world.faulted++
	}
	switch fault {
	case killBefore:
		d.kill("before a request")
	case unreachable:
		return errUnreachable
	case internalError:
		return apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
	case tooMany:
		return apierrors.NewTooManyRequests("the server has asked for the client to slow down", 1)
	case conflicting:
		return apierrors.NewConflict(resource, "", fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
	}
	err := effect()
	switch fault {
	case killAfter:
		d.kill("after a request")
	case lost:
		return errors.Join(errLost, err)
	}
	return err
}

// kill ends the daemon, and by its panic what it was doing.
func (d *modelDaemon) kill(when string) {
	d.die(when)
	panic(killed{})
}

func (d *modelDaemon) dieIfKilled() {
	if d.dead {
		panic(killed{})
	}
}
