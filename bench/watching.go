package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	watched, watchedMost = 500, 3500
	watchInterval        = time.Minute
	watchSecret          = "the secret of the bench's webhooks"
	webhooks             = 15
	// runsNothing is a toolforge.yaml of a tool with a namespace of its own in which nothing runs.
	runsNothing = "jobs: []\n"
)

// measureWatching measures the program toolforged itself with tools in whose repositories nothing happens: its memory with
// 500 of them, what it costs to watch 3,500, how far behind it is, and how soon it notices what a webhook tells of.
func (b *bench) measureWatching(ctx context.Context) (err error) {
	const rss, processor, staleness, noticed = "watch_500_rss", "watch_3500_cpu", "watch_3500_staleness_p99", "webhook_to_noticed"
	if !b.out.wants(rss, processor, staleness, noticed) {
		return nil
	}
	b.out.say("watching: starting an API server, a git server and toolforged")
	server, err := startAPIServer(ctx, b.localcluster)
	if err != nil {
		return err
	}
	defer joinEnd(&err, server.stop)
	if err := server.admin.DeleteAllOf(ctx, &api.Builder{}); err != nil { // its images are in no registry
		return fmt.Errorf("delete the builder: %w", err)
	}
	repositories, err := startGitServer(runsNothing)
	if err != nil {
		return err
	}
	defer joinEnd(&err, repositories.stop)
	start := func() (*watching, error) {
		p, err := startProgram(ctx, b.toolforged, server.environment.KubeConfig, watchSecret)
		if err != nil {
			return nil, err
		}
		return &watching{b, server, repositories, p}, p.ready(ctx)
	}
	w, err := start()
	if err != nil {
		return err
	}
	defer joinEnd(&err, func() error { return w.program.stop() })
	if err := w.add(ctx, 0, watched); err != nil {
		return err
	}
	if b.out.wants(noticed) {
		if err := w.measureWebhooks(ctx, noticed); err != nil {
			return err
		}
	}
	if b.out.wants(rss) {
		// Another process, which did not make the tools.
		if err := w.program.stop(); err != nil {
			return err
		}
		if w, err = start(); err != nil {
			return err
		}
		if err := w.measureMemory(ctx, rss); err != nil {
			return err
		}
	}
	if !b.out.wants(processor, staleness) {
		return nil
	}
	if err := w.add(ctx, watched, watchedMost); err != nil {
		return err
	}
	return w.measurePolls(ctx, processor, staleness)
}

// watching is toolforged at work.
type watching struct {
	*bench
	server       *apiServer
	repositories *gitServer
	program      *program
}

func watchedName(i int) string { return fmt.Sprintf("watched-%04d", i) }

// add makes the tools of these numbers, and waits until all are ready.
func (w *watching) add(ctx context.Context, from, to int) error {
	done := 0
	end := w.out.progress("making Tools", to-from, func() int { return done })
	for i := from; i < to; i++ {
		tool := &api.Tool{
			ObjectMeta: metav1.ObjectMeta{Name: watchedName(i)},
			Spec: api.ToolSpec{
				Repository: fmt.Sprintf("%s/%s.git", w.repositories.address, watchedName(i)),
				Interval:   metav1.Duration{Duration: watchInterval},
			},
		}
		if err := w.server.admin.Create(ctx, tool); err != nil {
			end()
			return fmt.Errorf("make a Tool: %w", err)
		}
		done++
	}
	end()
	ready := 0.0
	defer w.out.progress("ready", to, func() int { return int(ready) })()
	for changed := time.Now(); ; {
		now, err := w.program.metric(`toolforged_tools{ready="True",reason="Succeeded"}`)
		switch {
		case err == nil && int(now) == to:
			return nil
		case err == nil && now != ready:
			ready, changed = now, time.Now()
		case time.Since(changed) > 3*patience:
			return fmt.Errorf("%.0f of %d tools are ready, and nothing goes on: %w", ready, to, err)
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// measureMemory reads the process's memory when every repository was asked twice.
func (w *watching) measureMemory(ctx context.Context, figure string) error {
	w.out.say("watching: %d tools, for three minutes", watched)
	if err := pause(ctx, 3*watchInterval); err != nil {
		return err
	}
	all, files, err := w.program.resident()
	if err != nil {
		return err
	}
	w.out.say("  %.1f MB, of which %.1f are pages of files", all/1e6, files/1e6)
	w.out.figure(figure, all/1e6, "MB")
	return nil
}

// measurePolls measures for two minutes, when the start is a minute ago.
func (w *watching) measurePolls(ctx context.Context, processor, staleness string) error {
	w.out.say("watching: %d tools, for three minutes", watchedMost)
	if err := pause(ctx, watchInterval); err != nil {
		return err
	}
	before, err := w.program.processorTime()
	if err != nil {
		return err
	}
	began, worst := time.Now(), 0.0
	for time.Since(began) < 2*watchInterval {
		if err := pause(ctx, 10*time.Second); err != nil {
			return err
		}
		p99, err := w.program.metric(`toolforged_poll_staleness_seconds{quantile="0.99"}`)
		if err != nil {
			return err
		}
		worst = max(worst, p99)
	}
	after, err := w.program.processorTime()
	if err != nil {
		return err
	}
	w.out.figure(processor, (after-before).Seconds()/time.Since(began).Seconds(), "cores")
	w.out.figure(staleness, worst, "s")
	return nil
}

// measureWebhooks pushes, posts a webhook about one tool, and waits until that Tool's status names the commit. The median of
// several counts; a repository is asked once a second at most.
func (w *watching) measureWebhooks(ctx context.Context, figure string) error {
	const tool = "pushed-to"
	if err := w.server.admin.Create(ctx, &api.Tool{
		ObjectMeta: metav1.ObjectMeta{Name: tool},
		Spec:       api.ToolSpec{Repository: w.repositories.address + "/" + pushedTo, Interval: metav1.Duration{Duration: time.Hour}},
	}); err != nil {
		return fmt.Errorf("make a Tool: %w", err)
	}
	defer func() {
		_ = w.server.admin.Delete(context.WithoutCancel(ctx), &api.Tool{ObjectMeta: metav1.ObjectMeta{Name: tool}})
	}()
	if err := pause(ctx, 5*time.Second); err != nil {
		return err
	}
	watch, err := w.server.admin.Watch(ctx, &api.ToolList{}, client.MatchingFields{"metadata.name": tool})
	if err != nil {
		return fmt.Errorf("watch a Tool: %w", err)
	}
	defer watch.Stop()
	var took []time.Duration
	for i := range webhooks {
		commit, err := w.repositories.push(pushedTo, fmt.Sprintf("# %d\n%s", i, runsNothing))
		if err != nil {
			return err
		}
		if err := pause(ctx, 2*time.Second); err != nil {
			return err
		}
		began := time.Now()
		if err := w.post(ctx); err != nil {
			return err
		}
		for seen := false; !seen; {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(patience):
				return fmt.Errorf("the push of %s is not noticed", commit)
			case event := <-watch.ResultChan():
				found, ok := event.Object.(*api.Tool)
				seen = ok && found.Status.Seen != nil && found.Status.Seen.Commit == commit
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	w.out.figure(figure, took[len(took)/2].Seconds()*1000, "ms")
	return nil
}

func (w *watching) post(ctx context.Context) error {
	body := fmt.Sprintf(`{"repository":"%s/%s"}`, w.repositories.address, pushedTo)
	mac := hmac.New(sha256.New, []byte(watchSecret))
	mac.Write([]byte(body))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.program.address+"/webhook/generic", strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("post a webhook: %w", err)
	}
	request.Header.Set("X-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("post a webhook: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("a webhook is answered %s", response.Status)
	}
	return nil
}
