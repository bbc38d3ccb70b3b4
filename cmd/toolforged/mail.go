package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/toolforge/toolforged/report"
)

// mailOptions are the flags of the mail to maintainers.
type mailOptions struct {
	smtp      report.SMTP
	statusURL string
	interval  time.Duration
}

func (o *mailOptions) bind(flags *pflag.FlagSet) {
	flags.StringVar(&o.smtp.Address, "smtp-address", "", "SMTP server for the mail to maintainers, host:port; empty for no mail")
	flags.BoolVar(&o.smtp.PlainText, "smtp-plain-text", false, "speak to that server without TLS; else STARTTLS is a must")
	flags.StringVar(&o.smtp.Credentials, "smtp-credentials", "", "directory with the files username and password for that server; empty when it asks for none")
	flags.StringVar(&o.smtp.From, "smtp-from", "", "address that mail is from (required with --smtp-address)")
	flags.StringVar(&o.smtp.To, "mail-to", "", "address of a tool's maintainers, with %s for its name, as tools.%s@example.org (required with --smtp-address)")
	flags.DurationVar(&o.interval, "mail-interval", 10*time.Minute, "least time between two mails about one tool: what happens meanwhile is told together")
	flags.StringVar(&o.statusURL, "status-url", "", "address of the status endpoint as maintainers reach it, for the links in mail")
}

func (o *mailOptions) check() error {
	if o.smtp.Address == "" {
		return nil
	}
	if err := o.smtp.Check(); err != nil {
		return fmt.Errorf("--smtp-address, --smtp-from, --mail-to: %w", err)
	}
	if o.interval < time.Second {
		return fmt.Errorf("--mail-interval is %s: it must be at least 1s", o.interval)
	}
	if o.statusURL != "" && !strings.HasPrefix(o.statusURL, "https://") && !strings.HasPrefix(o.statusURL, "http://") {
		return fmt.Errorf("--status-url is %q: it must begin with https:// or http://", o.statusURL)
	}
	return nil
}

// addMail tells maintainers of their jobs, where there is a server to do it by.
func addMail(m ctrl.Manager, o options) error {
	if o.mail.smtp.Address == "" {
		return nil
	}
	mailer := report.NewMailer(report.Mailer{
		Client:   m.GetClient(),
		Live:     m.GetAPIReader(),
		Owns:     o.part().Owns,
		Sender:   o.mail.smtp,
		Status:   strings.TrimRight(o.mail.statusURL, "/"),
		Interval: o.mail.interval,
		Now:      time.Now,
	})
	if err := mailer.SetupWithManager(m); err != nil {
		return fmt.Errorf("set the mail to maintainers up: %w", err)
	}
	return nil
}
