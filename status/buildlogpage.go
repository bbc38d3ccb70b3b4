package status

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// shownOfPhase bounds what the page shows of one phase's log, in bytes: its end. The text has all of it.
	shownOfPhase = 256 << 10
	// maxPhases bounds the headings: a build can print what looks like one.
	maxPhases = 20
	// pageReads bounds how long the page waits for a running build to print more.
	pageReads = 2 * time.Second
)

// logPage is a build's log under the headings of its phases.
type logPage struct {
	frame
	Tool, Build, Key, Commit, State string
	// Attempt is the one that is shown; 0 for the newest.
	Attempt  int
	Attempts []int
	// Text is the address of the log as text.
	Text    string
	Running bool
	Problem string
	Phases  []phaseLog
}

// phaseLog is what one phase printed.
type phaseLog struct {
	// ID is the anchor of the heading.
	ID, Name, Text string
}

// servePage shows the log as far as it is, under the headings of its phases.
func (b buildLogs) servePage(w http.ResponseWriter, r *http.Request) {
	asked, err := b.asked(r)
	if errors.Is(err, fs.ErrNotExist) || err == nil && b.logs == nil {
		b.pages.render(w, http.StatusNotFound, "message.html", messagePage{b.pages.frame("Not found"), "There is no log of such a build, or none any more."})
		return
	}
	if err != nil {
		b.pages.fail(w, err)
		return
	}
	page := logPage{
		frame: b.pages.frame("Log of build " + asked.name + " of " + asked.tool), Tool: asked.tool, Build: asked.name,
		Key: asked.key, Attempt: asked.attempt, Text: buildPath(asked.tool, asked.key) + "/log",
	}
	if asked.attempt > 0 {
		page.Text += "?attempt=" + strconv.Itoa(asked.attempt)
	}
	b.describe(r.Context(), &page)
	code := http.StatusOK
	page.Phases, err = b.read(r.Context(), asked)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code, page.Problem = http.StatusNotFound, "There is no log, or none any more."
	case err != nil:
		b.pages.log.Error(err, "a build's log could not be read")
		code, page.Problem = http.StatusServiceUnavailable, "It cannot be shown now: "+message(err.Error())
	}
	b.pages.render(w, code, "buildlog.html", page)
}

func buildPath(tool, key string) string { return "/tools/" + tool + "/builds/" + key }

// describe says what the records know of the build.
func (b buildLogs) describe(ctx context.Context, page *logPage) {
	tool, err := b.store.resource(ctx, page.Tool)
	if err != nil {
		return
	}
	attempts := 0
	for _, build := range tool.Status.Builds {
		if build.Key == page.Key {
			page.Commit, page.State, attempts = build.Commit, string(build.State), build.Attempts
			page.Running = build.State == v1alpha1.BuildRunning
		}
	}
	if page.State == "" {
		for _, build := range tool.Status.BuildHistory {
			if build.Key == page.Key {
				page.Commit, page.State, attempts = build.Commit, string(build.Outcome), build.Attempts
				break
			}
		}
	}
	for n := 1; n <= min(attempts, maxPhases) && attempts > 1; n++ {
		page.Attempts = append(page.Attempts, n)
	}
}

// read is the log by phases, as far as it is.
func (b buildLogs) read(ctx context.Context, asked askedLog) ([]phaseLog, error) {
	select {
	case b.slot <- struct{}{}:
		defer func() { <-b.slot }()
	default:
		return nil, errors.New("too many logs are being read at once")
	}
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	log, err := b.logs.Open(ctx, asked.tool, asked.name, asked.key, asked.attempt)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// A running build may print nothing for long: what there is by then is shown.
	quiet := time.AfterFunc(pageReads, func() { log.Close() })
	defer quiet.Stop()
	split := &phaseSplit{}
	if err := split.read(log, func() { quiet.Reset(pageReads / 4) }); err != nil && !errors.Is(err, io.ErrClosedPipe) && ctx.Err() == nil {
		return nil, err
	}
	return split.phases(), nil
}

// phaseSplit divides a log by the headings in it.
type phaseSplit struct {
	names []string
	texts []*tail
}

// read calls some with each line that it has read.
func (s *phaseSplit) read(log io.Reader, some func()) error {
	reader := bufio.NewReaderSize(log, 64<<10)
	whole := true // the last line was read to its end
	for {
		line, err := reader.ReadSlice('\n')
		if len(line) > 0 {
			some()
			s.add(string(line), whole)
			whole = line[len(line)-1] == '\n'
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *phaseSplit) add(line string, whole bool) {
	name, heading := strings.CutPrefix(strings.TrimSpace(line), "===> ")
	if heading && whole && len(s.names) < maxPhases && phaseName(name) {
		s.names, s.texts = append(s.names, strings.ToLower(name)), append(s.texts, &tail{most: shownOfPhase})
		return
	}
	if len(s.names) == 0 {
		s.names, s.texts = append(s.names, ""), append(s.texts, &tail{most: shownOfPhase})
	}
	_, _ = s.texts[len(s.texts)-1].Write([]byte(line)) // never fails
}

func phaseName(name string) bool {
	return len(name) <= 30 && runName.MatchString(strings.ToLower(name))
}

func (s *phaseSplit) phases() []phaseLog {
	var phases []phaseLog
	for i, name := range s.names {
		name = cmp.Or(name, "log")
		phases = append(phases, phaseLog{ID: "phase-" + strconv.Itoa(i+1), Name: name, Text: plain(s.texts[i].String())})
	}
	return phases
}
