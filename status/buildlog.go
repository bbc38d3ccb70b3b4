package status

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// BuildLogs reads what builds print, without secrets.
type BuildLogs interface {
	// Open returns the log of an attempt at a build, of the newest for attempt 0. What a running one prints follows, until it
	// ends or ctx does. The error is fs.ErrNotExist when there is none.
	Open(ctx context.Context, tool, name, key string, attempt int) (io.ReadCloser, error)
}

const (
	// followersAtOnce is how many logs of builds are read at once, followTimeout how long one may be followed.
	followersAtOnce = 64
	followTimeout   = 45 * time.Minute
	// followerWrites is how long a follower may take to accept what it is sent.
	followerWrites = 20 * time.Second
)

// buildKey names a build.
var buildKey = regexp.MustCompile(`^[0-9a-f]{32}$`)

// buildLogs serves the logs of builds: as text, which is followed while the build runs.
type buildLogs struct {
	store store
	logs  BuildLogs
	pages pages
	slot  chan struct{}
}

func newBuildLogs(p pages, logs BuildLogs) buildLogs {
	return buildLogs{p.store, logs, p, make(chan struct{}, followersAtOnce)}
}

// asked is which log is asked for.
type askedLog struct {
	tool, name, key string
	attempt         int
}

// asked finds the build in the tool's records, so that nothing else is ever looked for.
func (b buildLogs) asked(r *http.Request) (askedLog, error) {
	asked := askedLog{tool: r.PathValue("name"), key: r.PathValue("key")}
	if !buildKey.MatchString(asked.key) {
		return asked, fs.ErrNotExist
	}
	if text := r.URL.Query().Get("attempt"); text != "" {
		attempt, err := strconv.Atoi(text)
		if err != nil || attempt < 1 || attempt > 1_000_000 {
			return asked, fs.ErrNotExist
		}
		asked.attempt = attempt
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	tool, err := b.store.resource(ctx, asked.tool)
	if err != nil {
		return asked, err
	}
	for _, build := range tool.Status.Builds {
		if build.Key == asked.key {
			asked.name = build.Name
			return asked, nil
		}
	}
	for _, build := range tool.Status.BuildHistory {
		if build.Key == asked.key {
			asked.name = build.Name
			return asked, nil
		}
	}
	return asked, fs.ErrNotExist
}

// serveText sends the log as it is, and goes on sending while the build runs.
func (b buildLogs) serveText(w http.ResponseWriter, r *http.Request) {
	if b.logs == nil {
		writeText(w, http.StatusNotFound, "the logs of builds are not shown here\n")
		return
	}
	select {
	case b.slot <- struct{}{}:
		defer func() { <-b.slot }()
	default:
		w.Header().Set("Retry-After", "10")
		writeText(w, http.StatusServiceUnavailable, "too many logs are being followed at once\n")
		return
	}
	// That the request has long been read is no reason to end the answer.
	if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return // the follower has gone
	}
	ctx, cancel := context.WithTimeout(r.Context(), followTimeout)
	defer cancel()
	asked, err := b.asked(r)
	if err != nil {
		b.fail(w, err)
		return
	}
	log, err := b.logs.Open(ctx, asked.tool, asked.name, asked.key, asked.attempt)
	if err != nil {
		b.fail(w, err)
		return
	}
	defer log.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	if err := send(w, log); err != nil && ctx.Err() == nil {
		b.pages.log.Error(err, "a build's log broke off", "tool", asked.tool, "key", asked.key)
		_, _ = io.WriteString(w, "\n[the log breaks off here: it could not be read further]\n")
	}
}

// send hands on what is read at once, and gives the reader time for each piece.
func send(w http.ResponseWriter, log io.Reader) error {
	control := http.NewResponseController(w)
	piece := make([]byte, 32<<10)
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil // the follower has gone
	}
	for {
		n, err := log.Read(piece)
		if n > 0 {
			if err := control.SetWriteDeadline(time.Now().Add(followerWrites)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return nil
			}
			if _, err := w.Write(piece[:n]); err != nil {
				return nil
			}
			if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (b buildLogs) fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errNotFound):
		writeText(w, http.StatusNotFound, "there is no tool of that name\n")
	case errors.Is(err, fs.ErrNotExist):
		writeText(w, http.StatusNotFound, "there is no log of such a build, or none any more\n")
	default:
		b.pages.log.Error(err, "a build's log could not be read")
		writeText(w, http.StatusServiceUnavailable, "the log cannot be shown now: "+message(err.Error())+"\n")
	}
}
