package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMailOptions(t *testing.T) {
	o, err := parse(required)
	if err != nil || o.mail.smtp.Address != "" || o.jobLogs {
		t.Errorf("without flags there is mail or there are logs: %+v, %v", o.mail, err)
	}
	full := []string{"--smtp-address=mail.example:587", "--smtp-from=noreply@example.org", "--mail-to=tools.%s@example.org"}
	o, err = parse(slices.Concat(required, full))
	if err != nil || o.mail.smtp.PlainText || o.mail.interval != 10*time.Minute {
		t.Errorf("options %+v, %v", o.mail, err)
	}
	for wrong, want := range map[string]string{
		"--smtp-address=mail.example":   "must be host:port",
		"--smtp-from=":                  "the sender's address",
		"--mail-to=tools@example.org":   "must have %s once",
		"--mail-interval=0s":            "must be at least 1s",
		"--status-url=javascript:alert": "must begin with https://",
	} {
		if _, err := parse(slices.Concat(required, full, []string{wrong})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", wrong, err, want)
		}
	}
}
