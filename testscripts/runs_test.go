package testscripts

import (
	"context"
	"fmt"
	"regexp"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/toolforge/toolforged/testscripts/platform"
)

// mailbox starts the SMTP server that the platform's mail goes to. It ends with the script.
func mailbox(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: mailbox")
	}
	box, err := platform.Receive(ts.Getenv("MAIL_SINK"))
	ts.Check(err)
	of(ts).mailbox = box
	ts.Defer(func() { _ = box.Close() })
}

// mail TOOL REGEXP waits for a mail to a tool's maintainers whose subject or text matches, and prints it.
func mail(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || of(ts).mailbox == nil {
		ts.Fatalf("usage, after mailbox: mail TOOL REGEXP")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(of(ts).ctx, waitDeadline)
	defer cancel()
	found, err := of(ts).mailbox.Await(ctx, "tools."+args[0]+"@"+of(ts).platform.Domain, pattern)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n\n%s", found.Subject, found.Text)
}

// controllers stop has Kubernetes' controllers hang, controllers continue go on, as they do at the end of the script.
func controllers(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.Getenv("CONTROLLERS_PID")
	switch {
	case !neg && len(args) == 1 && args[0] == "stop":
		ts.Check(platform.SignalControllers(file, syscall.SIGSTOP))
		ts.Defer(func() { _ = platform.SignalControllers(file, syscall.SIGCONT) })
	case !neg && len(args) == 1 && args[0] == "continue":
		ts.Check(platform.SignalControllers(file, syscall.SIGCONT))
	default:
		ts.Fatalf("usage: controllers stop|continue")
	}
}
