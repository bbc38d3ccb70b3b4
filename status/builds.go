package status

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/toolforge/toolforged/api/queue"
	"github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// finishedShown bounds the builds that ended lately.
	finishedShown = 50
	// aheadShown bounds the builds that are named as ahead of another one.
	aheadShown = 10
)

// AllBuilds is the answer to /api/v1/builds.
type AllBuilds struct {
	// Running are the builds that run, the oldest first.
	Running []QueuedBuild `json:"running"`
	// Waiting are those that wait: in the order of the queue, then those that are not in it because they are tried again later.
	Waiting []QueuedBuild `json:"waiting"`
	// Finished are the 50 that ended last, the newest first.
	Finished []QueuedBuild `json:"finished"`
}

// ToolBuilds is the answer to /api/v1/tools/<name>/builds.
type ToolBuilds struct {
	// Builds are the last of each image, and the last 20 before those; the newest first.
	Builds []QueuedBuild `json:"builds"`
}

// QueuedBuild is one build, of the past or under way.
type QueuedBuild struct {
	// Tool and Name say whose it is; Name is "main" for the tool's own repository.
	Tool string `json:"tool"`
	Name string `json:"name"`
	// Key names the build by its inputs.
	Key string `json:"key"`
	// Commit asked for it.
	Commit string `json:"commit"`
	// Reason says why it was built, with old and new.
	Reason string `json:"reason"`
	// Automatic: the platform asked for it, not a maintainer.
	Automatic bool `json:"automatic"`
	// State is "Waiting", "Running", "Succeeded", "Failed", "Lost", "Cancelled" or "Superseded".
	State string `json:"state"`
	// Superseded: a newer commit has come since.
	Superseded bool `json:"superseded"`
	// Position counts from 1, for one that waits in the queue; 0 for others. Ahead are the first 10 that go before it, as
	// tool/name.
	Position int      `json:"position"`
	Ahead    []string `json:"ahead"`
	// Attempts counts the pods that were started for it; 0 of a build that ended means that the image was there already.
	Attempts int `json:"attempts"`
	// Phase runs or failed, Phases are how long each took.
	Phase  string      `json:"phase"`
	Phases []PhaseTime `json:"phases"`
	// Bound is the limit that it ran into, "" for none.
	Bound string `json:"bound"`
	// Message says what it waits for, or why it failed.
	Message string `json:"message"`
	// Image is what was built, by digest.
	Image string `json:"image"`
	// TroubleSince is since when the platform keeps it from going on, RetryAt when it is tried again.
	TroubleSince *time.Time `json:"trouble_since"`
	RetryAt      *time.Time `json:"retry_at"`
	// QueuedAt is since when it waits for its turn, or did.
	QueuedAt   *time.Time `json:"queued_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
}

// PhaseTime is how long a phase took.
type PhaseTime struct {
	Name         string `json:"name"`
	Milliseconds int64  `json:"milliseconds"`
}

// Took is the time for people.
func (p PhaseTime) Took() string {
	return (time.Duration(p.Milliseconds) * time.Millisecond).Round(100 * time.Millisecond).String()
}

func phaseTimeOf(p v1alpha1.PhaseTime) PhaseTime {
	return PhaseTime{Name: message(p.Name), Milliseconds: p.Milliseconds}
}

func currentBuild(tool string, b *v1alpha1.Build) QueuedBuild {
	return QueuedBuild{
		Tool: tool, Name: b.Name, Key: b.Key, Commit: b.Commit, Reason: message(b.Reason), Automatic: b.Automatic, State: string(b.State),
		Ahead: []string{}, Attempts: b.Attempts, Phase: message(b.Phase), Phases: collect(b.Phases, phaseTimeOf), Bound: message(b.Bound),
		Message: message(b.Message), Image: b.Image, TroubleSince: utc(b.TroubleSince), RetryAt: utc(b.RetryAt),
		QueuedAt: utc(b.QueuedAt), StartedAt: utc(b.StartedAt), FinishedAt: utc(b.FinishedAt),
	}
}

func pastBuild(tool string, b *v1alpha1.PastBuild) QueuedBuild {
	return QueuedBuild{
		Tool: tool, Name: b.Name, Key: b.Key, Commit: b.Commit, Reason: message(b.Reason), Automatic: b.Automatic, State: string(b.Outcome),
		Superseded: true, Ahead: []string{}, Attempts: b.Attempts, Phase: message(b.Phase), Phases: collect(b.Phases, phaseTimeOf),
		Bound: message(b.Bound), Message: message(b.Message), Image: b.Image,
		QueuedAt: utc(b.QueuedAt), StartedAt: utc(b.StartedAt), FinishedAt: utc(b.FinishedAt),
	}
}

// buildsOf are a tool's builds, the newest first.
func buildsOf(t *v1alpha1.Tool) []QueuedBuild {
	builds := make([]QueuedBuild, 0, len(t.Status.Builds)+len(t.Status.BuildHistory))
	for i := range t.Status.Builds {
		builds = append(builds, currentBuild(t.Name, &t.Status.Builds[i]))
	}
	for i := range t.Status.BuildHistory {
		builds = append(builds, pastBuild(t.Name, &t.Status.BuildHistory[i]))
	}
	return builds
}

// place tells a build its position in the queue.
func (b *QueuedBuild) place(q queue.Queue) {
	if b.State != string(v1alpha1.BuildWaiting) {
		return
	}
	ahead, waits := q.Ahead(b.Tool, b.Name)
	if !waits {
		return
	}
	b.Position = len(ahead) + 1
	for _, other := range ahead[:min(len(ahead), aheadShown)] {
		b.Ahead = append(b.Ahead, other.Tool+"/"+other.Name)
	}
}

// Waits says for people what is ahead of a build that waits in the queue; "" for others.
func (b QueuedBuild) Waits() string {
	switch b.Position {
	case 0:
		return ""
	case 1:
		return "it is the next one in the queue"
	case 2:
		return "1 build is ahead in the queue"
	default:
		return fmt.Sprintf("%d builds are ahead in the queue", b.Position-1)
	}
}

// queue reads the records of all tools and the order that follows from them.
func (s store) queue(ctx context.Context) ([]v1alpha1.Tool, queue.Queue, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var list v1alpha1.ToolList
	if err := s.reader.List(ctx, &list, uncopied); err != nil {
		return nil, queue.Queue{}, fmt.Errorf("listing tools: %w", err)
	}
	return list.Items, queue.Of(list.Items, s.now()), nil
}

// allBuilds are those of all tools.
func (s store) allBuilds(ctx context.Context) (AllBuilds, error) {
	tools, q, err := s.queue(ctx)
	if err != nil {
		return AllBuilds{}, err
	}
	all := AllBuilds{Running: []QueuedBuild{}, Waiting: []QueuedBuild{}, Finished: []QueuedBuild{}}
	for i := range tools {
		for _, build := range buildsOf(&tools[i]) {
			build.place(q)
			switch {
			case build.State == string(v1alpha1.BuildRunning):
				all.Running = append(all.Running, build)
			case build.State == string(v1alpha1.BuildWaiting):
				all.Waiting = append(all.Waiting, build)
			case build.Attempts > 0 && build.FinishedAt != nil:
				all.Finished = append(all.Finished, build)
			}
		}
	}
	slices.SortFunc(all.Running, func(a, b QueuedBuild) int { return cmp.Or(earlier(a.StartedAt, b.StartedAt), named(a, b)) })
	slices.SortFunc(all.Waiting, func(a, b QueuedBuild) int {
		return cmp.Or(cmp.Compare(last(a.Position), last(b.Position)), named(a, b))
	})
	slices.SortFunc(all.Finished, func(a, b QueuedBuild) int { return cmp.Or(earlier(b.FinishedAt, a.FinishedAt), named(a, b)) })
	all.Finished = all.Finished[:min(len(all.Finished), finishedShown)]
	return all, nil
}

// last puts what has no position behind what has one.
func last(position int) uint { return uint(position) - 1 }

func named(a, b QueuedBuild) int {
	return cmp.Or(cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
}

func earlier(a, b *time.Time) int {
	switch {
	case a == nil || b == nil:
		return 0
	default:
		return a.Compare(*b)
	}
}

// toolBuilds are those of one tool; the error is errNotFound when there is none.
func (s store) toolBuilds(ctx context.Context, name string) ([]QueuedBuild, error) {
	tool, err := s.resource(ctx, name)
	if err != nil {
		return nil, err
	}
	_, q, err := s.queue(ctx)
	if err != nil {
		return nil, err
	}
	builds := buildsOf(tool)
	for i := range builds {
		builds[i].place(q)
	}
	return builds, nil
}

// placeBuilds adds to what a tool says of its builds that wait what is ahead of them: the records do not have it, for it changes
// with every other build.
func (s store) placeBuilds(ctx context.Context, tool *Tool) error {
	waiting := func(b Build) bool { return b.State == string(v1alpha1.BuildWaiting) }
	if !slices.ContainsFunc(tool.Builds, waiting) {
		return nil
	}
	_, q, err := s.queue(ctx)
	if err != nil {
		return err
	}
	for i := range tool.Builds {
		build := &tool.Builds[i]
		placed := QueuedBuild{Tool: tool.Name, Name: build.Name, State: build.State}
		placed.place(q)
		waits := placed.Waits()
		if waits == "" {
			continue
		}
		build.Message += "; " + waits
		if tool.Reason == v1alpha1.ReasonBuildQueued {
			tool.Message += "; " + waits
		}
	}
	return nil
}

// build is the newest of a tool's builds with a key; the error is errNotFound when there is none.
func (s store) build(ctx context.Context, name, key string) (QueuedBuild, error) {
	builds, err := s.toolBuilds(ctx, name)
	if err != nil {
		return QueuedBuild{}, err
	}
	at := slices.IndexFunc(builds, func(b QueuedBuild) bool { return b.Key == key })
	if at < 0 {
		return QueuedBuild{}, errNotFound
	}
	return builds[at], nil
}

func (a api) serveAllBuilds(w http.ResponseWriter, r *http.Request) {
	all, err := a.store.allBuilds(r.Context())
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, all)
}

func (a api) serveToolBuilds(w http.ResponseWriter, r *http.Request) {
	builds, err := a.store.toolBuilds(r.Context(), r.PathValue("name"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, ToolBuilds{builds})
}

func (a api) serveBuild(w http.ResponseWriter, r *http.Request) {
	build, err := a.store.build(r.Context(), r.PathValue("name"), r.PathValue("key"))
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, build)
}

type allBuildsPage struct {
	frame
	AllBuilds
	// Retention is what was removed from the registry; nil when nothing is.
	Retention *Retention
}

func (p pages) serveAllBuilds(w http.ResponseWriter, r *http.Request) {
	all, err := p.store.allBuilds(r.Context())
	if err != nil {
		p.fail(w, err)
		return
	}
	p.render(w, http.StatusOK, "builds.html", allBuildsPage{p.frame("Builds"), all, p.retained(r.Context())})
}

type toolBuildsPage struct {
	frame
	Tool   string
	Builds []QueuedBuild
}

func (p pages) serveToolBuilds(w http.ResponseWriter, r *http.Request) {
	builds, err := p.store.toolBuilds(r.Context(), r.PathValue("name"))
	if err != nil {
		p.fail(w, err)
		return
	}
	name := r.PathValue("name")
	p.render(w, http.StatusOK, "toolbuilds.html", toolBuildsPage{p.frame("Builds of " + name), name, builds})
}

type buildPage struct {
	frame
	QueuedBuild
	// BuildLogs tells whether the logs of builds are shown, SBOMs whether what is in images is.
	BuildLogs, SBOMs bool
}

func (p pages) serveBuild(w http.ResponseWriter, r *http.Request) {
	build, err := p.store.build(r.Context(), r.PathValue("name"), r.PathValue("key"))
	if err != nil {
		p.fail(w, err)
		return
	}
	p.render(w, http.StatusOK, "build.html", buildPage{p.frame("Build of " + build.Tool), build, p.buildLogs, p.sboms})
}
