package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"golang.org/x/time/rate"

	"github.com/toolforge/toolforged/sources"
)

const (
	// Path is what all webhooks' paths begin with.
	Path = "/webhook/"
	// MaxBody bounds the body of a webhook, in bytes.
	MaxBody = 1 << 20
	// handedOn is the header of a webhook that another replica hands on; it is not handed on again.
	handedOn = "Toolforged-Handed-On"

	perSecond, burst = 50, 200 // requests, verified or not
	atOnce           = 16      // bodies in memory
	queued           = 256     // verified and not delivered yet
)

// Outcomes of a request, for Options.Count.
const (
	Accepted = "accepted" // it was delivered, or is about to be
	Refused  = "refused"  // nothing shows that a forge sent it
	Invalid  = "invalid"  // it was signed, but is not what the forge sends
	TooMany  = "too_many" // of a rate or number that is too high
)

// Options are what a Handler needs; all but Count are required.
type Options struct {
	// Secrets are those in force.
	Secrets func() []Secret
	// Deliver is given what was accepted, one after the other, by Start.
	Deliver func(ctx context.Context, d Delivery)
	// Count is told what became of each request.
	Count func(forge, outcome string)
}

// Delivery is a webhook that was verified.
type Delivery struct {
	// Forge is the kind of webhook.
	Forge string
	// Places are those of the repositories that were pushed to, it says.
	Places []sources.Place
	// HandedOn tells that it came by another replica.
	HandedOn bool

	query  string
	header http.Header
	body   []byte
}

// Handler answers webhooks. It is safe for concurrent use.
type Handler struct {
	opts   Options
	limit  *rate.Limiter
	bodies chan struct{}
	queue  chan Delivery
}

// New makes a Handler; what it accepts is delivered while Start runs.
func New(o Options) *Handler {
	if o.Count == nil {
		o.Count = func(string, string) {}
	}
	return &Handler{
		opts: o, limit: rate.NewLimiter(perSecond, burst),
		bodies: make(chan struct{}, atOnce), queue: make(chan Delivery, queued),
	}
}

// Start delivers until ctx ends.
func (h *Handler) Start(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-h.queue:
			h.opts.Deliver(ctx, d)
		}
	}
}

// ServeHTTP answers 202 to a webhook that a forge sent, before anything else happens, and 401 without a word more to
// what may be from somebody else.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, Path)
	forge, known := forges[name]
	switch {
	case !known:
		answer(w, http.StatusNotFound, "there is no such webhook")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, "a webhook is posted")
		return
	}
	code, outcome, text := h.take(name, forge, r)
	h.opts.Count(name, outcome)
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	answer(w, code, text)
}

func (h *Handler) take(name string, forge forge, r *http.Request) (code int, outcome, text string) {
	const busy = "too many webhooks: try again"
	if !h.limit.Allow() {
		return http.StatusTooManyRequests, TooMany, busy
	}
	select {
	case h.bodies <- struct{}{}:
		defer func() { <-h.bodies }()
	default:
		return http.StatusTooManyRequests, TooMany, busy
	}
	body, err := readBody(r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, Refused, "the body is larger than 1 MiB"
	case err != nil:
		return http.StatusBadRequest, Refused, "the body cannot be read"
	}
	hosts := h.verified(forge, r, body)
	if len(hosts) == 0 {
		return http.StatusUnauthorized, Refused, "unauthorized"
	}
	read, err := forge.read(body)
	if err != nil {
		return http.StatusBadRequest, Invalid, "the body is not what such a webhook sends"
	}
	d := Delivery{
		Forge: name, HandedOn: r.Header.Get(handedOn) != "", query: r.URL.RawQuery, header: r.Header, body: body,
	}
	for _, host := range hosts {
		d.Places = append(d.Places, read.places(host)...)
	}
	if len(d.Places) == 0 {
		return http.StatusAccepted, Accepted, "nothing to do" // a ping, or about what this secret is not for
	}
	select {
	case h.queue <- d:
		return http.StatusAccepted, Accepted, "accepted"
	default:
		return http.StatusTooManyRequests, TooMany, busy
	}
}

func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, &http.MaxBytesError{Limit: MaxBody}
	}
	return io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxBody))
}

// verified are the hosts of the secrets that the sender knows. Every secret is tried, whichever fits.
func (h *Handler) verified(forge forge, r *http.Request, body []byte) (hosts []string) {
	for _, secret := range h.opts.Secrets() {
		if len(secret.value) > 0 && forge.shows(r, body, secret.value) {
			hosts = append(hosts, secret.Host)
		}
	}
	return hosts
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n")
}

// HandOn is the same webhook as a request to another replica: "http://host:port". That one verifies it too.
func (d Delivery) HandOn(ctx context.Context, replica string) (*http.Request, error) {
	address := replica + Path + d.Forge
	if d.query != "" {
		address += "?" + d.query
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(string(d.body)))
	if err != nil {
		return nil, errors.New("make the request of a webhook that is handed on: the address is wrong") // it may hold a secret
	}
	for _, name := range []string{"Content-Type", "X-Gitlab-Token", "X-Hub-Signature-256", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Signature-256"} {
		if value := d.header.Get(name); value != "" {
			r.Header.Set(name, value)
		}
	}
	r.Header.Set(handedOn, "1")
	return r, nil
}
