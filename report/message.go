package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxMessage bounds what a mail repeats of what others wrote, maxSubject its subject, in bytes.
	maxMessage = 500
	maxSubject = 150
)

// Message is a mail to the maintainers of one tool.
type Message struct {
	// ID is the same whenever the same is told: two mails with one ID are one, sent twice.
	ID string
	// Tool is whose maintainers it is for.
	Tool string
	// Subject is one line. Text has lines that end with a line feed.
	Subject, Text string
}

// compose makes a mail of events. Page is the address of the tool's page, empty when that is not known.
func compose(tool string, events []event, more int, page string) Message {
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	return Message{ID: messageID(events), Tool: tool, Subject: subject(tool, events, more), Text: text(tool, events, more, page)}
}

func messageID(events []event) string {
	keys := make([]string, 0, len(events))
	for _, e := range events {
		keys = append(keys, e.key)
	}
	slices.Sort(keys)
	sum := sha256.Sum256([]byte(strings.Join(keys, "\n")))
	return hex.EncodeToString(sum[:16]) + "@toolforged"
}

func subject(tool string, events []event, more int) string {
	if len(events) == 1 && more == 0 {
		return clean(fmt.Sprintf("[toolforge] %s: %s: %s", tool, events[0].job, events[0].what), maxSubject)
	}
	failures := 0
	for _, e := range events {
		if e.failure {
			failures++
		}
	}
	if failures == 0 {
		return fmt.Sprintf("[toolforge] %s: %d news of jobs", tool, len(events)+more)
	}
	return fmt.Sprintf("[toolforge] %s: %d news of jobs, %d of failures", tool, len(events)+more, failures)
}

func text(tool string, events []event, more int, page string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What happened to jobs of the tool %s, oldest first:\n\n", tool)
	for _, e := range events {
		fmt.Fprintf(&b, "* %s, %s: %s\n", e.at.UTC().Format("2006-01-02 15:04:05 UTC"), e.job, e.what)
	}
	if more > 0 {
		fmt.Fprintf(&b, "* and %d times more\n", more)
	}
	if page == "" {
		page = "the tool's page of the status endpoint"
	}
	fmt.Fprintf(&b, "\nThe state of the jobs, their last runs and where their output is: %s\n", page)
	b.WriteString("\nToolforge sends this because of `emails` at these jobs in toolforge.yaml: `emails: none` ends it.\n")
	return b.String()
}

// clean makes one line of a text from outside, without control characters, and cuts it.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most-len("…")] + "…"
	}
	s = strings.ToValidUTF8(s, "")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}
