package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Followed is what has come so far of an answer that goes on.
type Followed struct {
	mu    sync.Mutex
	text  strings.Builder
	ended bool
	err   error
}

// Follow begins to read an answer, until it ends or ctx does.
func (p *Platform) Follow(ctx context.Context, address string) (*Followed, error) {
	request, err := p.request(ctx, address)
	if err != nil {
		return nil, err
	}
	unbounded := http.Client{Transport: p.http.Transport}
	answer, err := unbounded.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("%s answers %s", address, answer.Status)
	}
	f := &Followed{}
	go func() {
		defer answer.Body.Close()
		_, err := io.Copy(f, io.LimitReader(answer.Body, maxBody))
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended, f.err = true, err
	}()
	return f, nil
}

// Write implements io.Writer.
func (f *Followed) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.Write(p)
}

func (f *Followed) state() (text string, ended bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.String(), f.ended, f.err
}

// Await waits until what has come matches, and returns it.
func (f *Followed) Await(ctx context.Context, pattern *regexp.Regexp) (string, error) {
	return f.wait(ctx, func(text string, ended bool) (bool, error) {
		if pattern.MatchString(text) {
			return true, nil
		}
		if ended {
			return false, errors.New("the answer has ended")
		}
		return false, nil
	})
}

// End waits until the answer has ended, and returns all of it.
func (f *Followed) End(ctx context.Context) (string, error) {
	return f.wait(ctx, func(_ string, ended bool) (bool, error) { return ended, nil })
}

func (f *Followed) wait(ctx context.Context, done func(text string, ended bool) (bool, error)) (text string, err error) {
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) {
		var ended bool
		var broken error
		if text, ended, broken = f.state(); broken != nil {
			return false, broken
		}
		return done(text, ended)
	})
	return text, err
}
