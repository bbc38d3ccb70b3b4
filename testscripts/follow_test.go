package testscripts

import (
	"context"
	"fmt"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// follow ADDRESS begins to read an answer that goes on, such as the log of a build that runs.
func follow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: follow ADDRESS")
	}
	s := of(ts)
	var err error
	s.followed, err = s.platform.Follow(s.ctx, s.address(args[0]))
	ts.Check(err)
}

// followed REGEXP waits until what has come of the answer matches; followed alone until it has ended. Both print what has come.
func followed(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	if neg || len(args) > 1 || s.followed == nil {
		ts.Fatalf("usage, after follow: followed [REGEXP]")
	}
	ctx, cancel := context.WithTimeout(s.ctx, waitDeadline)
	defer cancel()
	var text string
	var err error
	if len(args) == 0 {
		text, err = s.followed.End(ctx)
	} else {
		var pattern *regexp.Regexp
		pattern, err = regexp.Compile("(?m)" + args[0])
		ts.Check(err)
		text, err = s.followed.Await(ctx, pattern)
	}
	if err != nil {
		ts.Fatalf("%v; it has printed:\n%.4000s", err, text)
	}
	fmt.Fprint(ts.Stdout(), text)
}
