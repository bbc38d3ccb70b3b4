package testscripts

import (
	"context"
	"flag"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// webhook [-secret SECRET] NAME STATUS posts to a replica that does not lead that the repository NAME was pushed to, signed with
// the platform's secret unless another is said, and expects the answer STATUS.
func webhook(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("webhook", flag.ContinueOnError)
	secret := flags.String("secret", "", "")
	ts.Check(flags.Parse(args))
	if neg || flags.NArg() != 2 {
		ts.Fatalf("usage: webhook [-secret SECRET] NAME STATUS")
	}
	s := of(ts)
	if *secret == "" {
		known, err := s.platform.WebhookSecret(s.ctx)
		ts.Check(err)
		*secret = known
	}
	want, err := strconv.Atoi(flags.Arg(1))
	ts.Check(err)
	ctx, cancel := context.WithTimeout(s.ctx, waitDeadline)
	defer cancel()
	for {
		// A replica may just have ended, or begun to lead.
		status, pod, err := s.platform.Webhook(ctx, s.platform.Git+"/"+flags.Arg(0)+".git", *secret)
		if err == nil {
			if status != want {
				ts.Fatalf("pod %s answered %d, want %d", pod, status, want)
			}
			ts.Logf("pod %s answered %d", pod, status)
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("post a webhook: %v", err)
		case <-time.After(time.Second):
		}
	}
}
