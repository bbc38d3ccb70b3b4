package platform

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// daemonUser is the daemon's name to the API server.
const daemonUser = "system:serviceaccount:toolforged:toolforged"

// Write is one write of the daemon's to the API server.
type Write struct {
	Verb, Resource, Namespace, Name string
}

func (w Write) String() string {
	return strings.TrimSpace(w.Verb + " " + w.Resource + " " + strings.TrimPrefix(w.Namespace+"/"+w.Name, "/"))
}

// Writes reads the API server's audit log from an offset, in bytes, and returns what the daemon wrote and the new offset.
// What the daemons write to agree on a leader is left out: a Lease is renewed every second, and a new leader is told by an
// event of the API group "" (those of tools are in events.k8s.io).
func Writes(auditLog string, offset int64) ([]Write, int64, error) {
	file, err := os.Open(auditLog)
	if err != nil {
		return nil, offset, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() < offset {
		offset = 0 // the API server has begun a new file
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, offset, err
	}
	var writes []Write
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return writes, offset, nil // the rest of a line is not written yet
		}
		offset += int64(len(line))
		var entry struct {
			Stage, Verb string
			User        struct{ Username string }
			ObjectRef   struct{ APIGroup, Resource, Subresource, Namespace, Name string }
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			return writes, offset, fmt.Errorf("read the audit log %s: %w", auditLog, err)
		}
		election := entry.ObjectRef.Resource == "leases" || entry.ObjectRef.Resource == "events" && entry.ObjectRef.APIGroup == ""
		if entry.User.Username == daemonUser && entry.Stage == "ResponseComplete" && !election {
			resource := entry.ObjectRef.Resource
			if entry.ObjectRef.Subresource != "" {
				resource += "/" + entry.ObjectRef.Subresource
			}
			writes = append(writes, Write{entry.Verb, resource, entry.ObjectRef.Namespace, entry.ObjectRef.Name})
		}
	}
}

// Quiet waits until the daemon has written nothing for a while.
func (p *Platform) Quiet(ctx context.Context, auditLog string, while time.Duration) error {
	var offset int64
	last := time.Now()
	return wait.PollUntilContextCancel(ctx, look, true, func(context.Context) (bool, error) {
		writes, next, err := Writes(auditLog, offset)
		if err != nil {
			return false, err
		}
		offset = next
		if len(writes) > 0 {
			last = time.Now()
		}
		return time.Since(last) >= while, nil
	})
}
