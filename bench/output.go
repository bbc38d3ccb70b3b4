package main

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// output is where figures and progress go.
type output struct {
	figures, log io.Writer
	wanted       *regexp.Regexp
}

// wants tells whether any of the figures is asked for.
func (o *output) wants(names ...string) bool { return slices.ContainsFunc(names, o.wanted.MatchString) }

// figure prints a result, if it is asked for.
func (o *output) figure(name string, value float64, unit string) {
	if o.wants(name) {
		fmt.Fprintf(o.figures, "figure %s %s %s\n", name, strconv.FormatFloat(math.Round(value*1000)/1000, 'f', -1, 64), unit)
	}
}

func (o *output) seconds(name string, value time.Duration) { o.figure(name, value.Seconds(), "s") }

// ratio prints how often ours fits into theirs, if theirs was measured.
func (o *output) ratio(name string, theirs, ours time.Duration) {
	if theirs != 0 {
		o.figure(name, theirs.Seconds()/ours.Seconds(), "times")
	}
}

func (o *output) say(format string, args ...any) { fmt.Fprintf(o.log, "bench: "+format+"\n", args...) }

// tell names the requests that some work took for each tool, by kind, so that every one of them can be accounted for.
func (o *output) tell(what string, calls Calls, tools int) {
	var told []string
	for call, n := range calls {
		if call.Verb != "watch" && call.Resource != "discovery" {
			told = append(told, fmt.Sprintf("%s %s %.2f", call.Verb, call.Resource, float64(n)/float64(tools)))
		}
	}
	slices.Sort(told)
	o.say("  %s: requests for each tool: %s", what, strings.Join(told, ", "))
}

// progressEvery is the time between two lines about work that takes long.
const progressEvery = 5 * time.Second

// progress tells every few seconds how far something is, until its end is called.
func (o *output) progress(what string, total int, count func() int) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				o.say("  %s: %d of %d after %.0f s", what, count(), total, time.Since(began).Seconds())
			}
		}
	}()
	return func() { close(done); <-ended }
}
