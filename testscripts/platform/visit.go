package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// maxBody is what is read of an answer, in bytes.
const maxBody = 1 << 20

// Site is the address of a tool's webservice.
func (p *Platform) Site(tool string) string {
	_, port, _ := strings.Cut(p.Sites, ":")
	return "http://" + tool + "." + p.Domain + ":" + port + "/"
}

// Visit asks for an address. A host below the platform's domain is reached at Sites, whatever the machine's resolver says, and
// so is one below .example, which no resolver knows (RFC 6761, section 6.5).
func (p *Platform) Visit(ctx context.Context, address string) (status int, body string, err error) {
	request, err := p.request(ctx, address)
	if err != nil {
		return 0, "", err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return response.StatusCode, string(data), err
}

func (p *Platform) request(ctx context.Context, address string) (*http.Request, error) {
	target, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if host := target.Hostname(); strings.HasSuffix(host, "."+p.Domain) || strings.HasSuffix(host, ".example") {
		request.URL.Host, request.Host = p.Sites, target.Host
	}
	return request, nil
}

// Visitors ask for an address again and again, until they are stopped.
type Visitors struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	served  int
	failure []string
}

// visitGap is the time between two requests.
const visitGap = 20 * time.Millisecond

// Send begins to ask for an address every 20 ms, one request after the other, at most until ctx ends.
func (p *Platform) Send(ctx context.Context, address string) *Visitors {
	ctx, cancel := context.WithCancel(ctx)
	v := &Visitors{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(v.done)
		ticker := time.NewTicker(visitGap)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				// A request that is under way when the visitors are stopped still counts.
				v.count(p.Visit(context.WithoutCancel(ctx), address))
			}
		}
	}()
	return v
}

func (v *Visitors) count(status int, body string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case err != nil:
		v.failure = append(v.failure, err.Error())
	case status != http.StatusOK:
		v.failure = append(v.failure, fmt.Sprintf("%d %.200s", status, body))
	default:
		v.served++
	}
}

// Stop ends the visits. It returns how many were served, and how each of the others failed.
func (v *Visitors) Stop() (served int, failures []string) {
	v.cancel()
	<-v.done
	return v.served, v.failure
}
