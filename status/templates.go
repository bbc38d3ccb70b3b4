package status

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed templates/style.css
var style string

// styleHash allows the pages' one style element, and nothing else, in their content security policy.
var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}()

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"style":       func() template.CSS { return template.CSS(style) },
	"badge":       badgeOf,
	"tone":        toneOf,
	"buildTone":   toneOfBuild,
	"outcomeTone": toneOfOutcome,
	"runTone":     toneOfRun,
	"shorten":     shorten,
	"commit":      shortCommit,
	"web":         isWeb,
	"when":        func(now time.Time, t *time.Time) moment { return moment{now, t} },
	"exact":       func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"rfc3339":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"ago":         ago,
	"ahead":       ahead,
	"seconds":     inSeconds,
	"hostTone":    toneOfHost,
	"took":        took,
}).ParseFS(templateFiles, "templates/*.html"))

// moment is a time to show, and the time to count from.
type moment struct {
	Now time.Time
	At  *time.Time
}

// ago is a time in words, as exact as anybody wants to read it.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return plural(d, time.Second, "second")
	case d < time.Hour:
		return plural(d, time.Minute, "minute")
	case d < 48*time.Hour:
		return plural(d, time.Hour, "hour")
	}
	return plural(d, 24*time.Hour, "day")
}

// ahead is a time to come in words.
func ahead(now, t time.Time) string {
	switch d := t.Sub(now).Round(time.Second); {
	case d <= 0:
		return "now"
	case d < 2*time.Minute:
		return "in " + d.String()
	default:
		return "in " + strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
}

// inSeconds is a number of seconds as people write it.
func inSeconds(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func plural(d, unit time.Duration, name string) string {
	if n := d / unit; n != 1 {
		return fmt.Sprintf("%d %ss ago", n, name)
	}
	return "1 " + name + " ago"
}

// took is how long something lasted, "" when it is not over or never began.
func took(from, to *time.Time) string {
	if from == nil || to == nil || to.Before(*from) {
		return ""
	}
	return to.Sub(*from).Round(time.Second).String()
}

// shortCommit is enough of a commit's id to tell it from others.
func shortCommit(id string) string { return id[:min(len(id), 12)] }

// isWeb reports whether an address may become a link.
func isWeb(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}
