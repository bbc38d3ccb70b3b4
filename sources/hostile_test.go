package sources

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// hostile answers each command with what answer writes, and the request for capabilities well.
func hostile(t testing.TB, answer func(w http.ResponseWriter, r *http.Request)) Repository {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", typeAdvertisement)
			fmt.Fprint(w, packets("version 2", "ls-refs", "fetch=shallow filter", ""))
			return
		}
		w.Header().Set("Content-Type", typeResult)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return Repository{URL: server.URL + "/tool", Ref: "main"}
}

// packets writes each line as a packet, an empty one as a flush.
func packets(lines ...string) string {
	var w packetWriter
	for _, line := range lines {
		if line == "" {
			w.flush()
			continue
		}
		w.line("%s", line)
	}
	return w.String()
}

func endless(w io.Writer, chunk string) {
	for {
		if _, err := w.Write([]byte(chunk)); err != nil {
			return
		}
	}
}

func TestHostileAnswers(t *testing.T) {
	id := strings.Repeat("a", 40)
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
		want   error // nil: any error
	}{
		{"nothing", func(http.ResponseWriter, *http.Request) {}, ErrProtocol},
		{"HTML", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>please log in</html>")
		}, ErrProtocol},
		{"HTML that says it is git", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>please log in</html>") }, ErrProtocol},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0009\x00\xff\x01\n\n") }, ErrProtocol},
		{"packet too short", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0003") }, ErrProtocol},
		{"packet too large", func(w http.ResponseWriter, _ *http.Request) { endless(w, "ffff") }, ErrProtocol},
		{"half a packet", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0040abc") }, ErrProtocol},
		{"endless refs", func(w http.ResponseWriter, _ *http.Request) { endless(w, packets(id+" refs/heads/main-x")) }, ErrTooLarge},
		{"endless shallow lines", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, packets("shallow-info"))
			endless(w, packets("shallow "+id))
		}, nil},
		{"endless progress", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, packets("packfile"))
			endless(w, "0009\x02abcd")
		}, nil},
		{"endless pack", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, packets("packfile"))
			endless(w, "0009\x01abcd")
		}, nil},
		{"its own error", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, packets("ERR \x1b[31mno\x00")) }, ErrProtocol},
		{"a million objects", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, packets("packfile")+"0011\x01PACK\x00\x00\x00\x02\x7f\xff\xff\xff")
		}, nil},
		{"server error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, ErrUnreachable},
		{"overloaded", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, ErrUnreachable},
	} {
		t.Run(test.name, func(t *testing.T) {
			repo := hostile(t, test.answer)
			client := newLocalClient(ClientOptions{MaxPack: 1 << 20})
			_, resolveErr := client.Resolve(t.Context(), repo)
			_, openErr := client.Open(t.Context(), repo, id)
			if resolveErr == nil || openErr == nil {
				t.Fatalf("no error: %v, %v", resolveErr, openErr)
			}
			if test.want != nil && !errors.Is(resolveErr, test.want) {
				t.Errorf("Resolve: %v, want %v", resolveErr, test.want)
			}
			for _, err := range []error{resolveErr, openErr} {
				if f := (*failure)(nil); !errors.As(err, &f) || strings.ContainsAny(err.Error(), "\x00\x1b\n") {
					t.Errorf("not an error for a maintainer: %q", err)
				}
			}
		})
	}
}

func TestSlowServer(t *testing.T) {
	id := strings.Repeat("a", 40)
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"silent": func(_ http.ResponseWriter, r *http.Request) {
			readAll(r) // so that the server notices the client leaving
			<-r.Context().Done()
		},
		"stops in the middle": func(w http.ResponseWriter, r *http.Request) {
			readAll(r)
			fmt.Fprint(w, "0040"+id)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			repo := hostile(t, answer)
			client := newLocalClient(ClientOptions{Timeout: 100 * time.Millisecond})
			_, resolveErr := client.Resolve(t.Context(), repo)
			_, openErr := client.Open(t.Context(), repo, id)
			for _, err := range []error{resolveErr, openErr} {
				if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "did not answer in time") {
					t.Errorf("got %v", err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := client.Resolve(ctx, repo); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
				t.Errorf("cancelled: %v", err)
			}
		})
	}
}

// packObject is one object of a pack: a header of that type and length, whatever the content is.
func packObject(kind byte, length int64, reference string, content []byte) []byte {
	out := []byte{kind<<4 | byte(length&15)}
	for length >>= 4; length > 0; length >>= 7 {
		out[len(out)-1] |= 0x80
		out = append(out, byte(length&0x7f))
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	_, _ = w.Write(content)
	_ = w.Close()
	return append(append(out, reference...), z.Bytes()...)
}

func pack(objects ...[]byte) []byte {
	out := append([]byte("PACK"), 0, 0, 0, 2)
	out = binary.BigEndian.AppendUint32(out, uint32(len(objects)))
	for _, o := range objects {
		out = append(out, o...)
	}
	return append(out, make([]byte, 20)...)
}

// baseID is the id of the blob "base", as a delta names it.
var baseID = func() string {
	id := plumbing.ComputeHash(plumbing.BlobObject, []byte("base"))
	return string(id[:])
}()

func testLimits() limits {
	return limits{pack: 1 << 20, objects: 100, unpacked: 1 << 20, object: 1 << 19}
}

func TestHostilePacks(t *testing.T) {
	zeros := make([]byte, 32<<20)
	base := packObject(3, 4, "", []byte("base"))
	huge := append(binary.AppendUvarint([]byte{4}, 1<<40), 0x90, 4)
	for _, test := range []struct {
		name string
		data []byte
		want error
	}{
		{"bomb with an honest size", pack(packObject(3, int64(len(zeros)), "", zeros)), ErrTooLarge},
		{"bomb with a false size", pack(packObject(3, 10, "", zeros)), errPack},
		{"many bombs", pack(packObject(3, 1<<19, "", zeros[:1<<19]), packObject(3, 1<<19, "", zeros[:1<<19]), base), ErrTooLarge},
		{"size of 2^40", pack(packObject(3, 1<<40, "", nil)), ErrTooLarge},
		{"shorter than it says", pack(packObject(3, 10, "", []byte("abc"))), errPack},
		{"delta of a huge size", pack(base, packObject(7, int64(len(huge)), baseID, huge)), ErrTooLarge},
		{"delta of nothing", pack(packObject(7, 4, strings.Repeat("x", 20), []byte("\x04\x01\x01a"))), errPack},
		{"delta of itself", pack(packObject(6, 4, "\x00", []byte("\x04\x01\x01a"))), errPack},
		{"delta before the pack", pack(base, packObject(6, 4, "\x7f", []byte("\x04\x01\x01a"))), errPack},
		{"delta that reads past its base", pack(base, packObject(7, 6, baseID, []byte("\x04\x08\x91\x02\x08\x00"))), errPack},
		{"empty delta", pack(base, packObject(7, 0, baseID, nil)), errPack},
		{"type 0", pack(packObject(0, 4, "", []byte("base"))), errPack},
		{"type 5", pack(packObject(5, 4, "", []byte("base"))), errPack},
		{"no zlib", pack([]byte("\x34junkjunk")), errPack},
		{"fewer objects than it says", append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x02"), base...), errPack},
		{"too many objects", []byte("PACK\x00\x00\x00\x02\x7f\xff\xff\xff"), ErrTooLarge},
		{"version 9", []byte("PACK\x00\x00\x00\x09\x00\x00\x00\x00"), errPack},
		{"nothing", nil, errPack},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, store := range []objectStore{memoryStore{}, newDiskStore(t.TempDir())} {
				if err := unpack(t.Context(), bytes.NewReader(test.data), store, testLimits()); !errors.Is(err, test.want) {
					t.Errorf("got %v, want %v", err, test.want)
				}
			}
		})
	}
}

// Deltas may come before what they change.
func TestDeltaBeforeItsBase(t *testing.T) {
	data := pack(packObject(7, 7, baseID, []byte("\x04\x06\x90\x04\x02!!")), packObject(3, 4, "", []byte("base")))
	store := memoryStore{}
	if err := unpack(t.Context(), bytes.NewReader(data), store, testLimits()); err != nil {
		t.Fatal(err)
	}
	for _, o := range store {
		if got := string(o.data); got != "base" && got != "base!!" {
			t.Errorf("got %q", got)
		}
	}
	if len(store) != 2 {
		t.Errorf("%d objects", len(store))
	}
}

// Of large packs, only so many are read at once; small ones do not wait for them.
func TestLargePacksWaitForEachOther(t *testing.T) {
	large := pack(packObject(3, 9<<20, "", make([]byte, 9<<20)))
	small := pack(packObject(3, 4, "", []byte("base")))
	room := make(chan struct{}, 1)
	bounds := limits{pack: 1 << 30, objects: 1, unpacked: 1 << 30, object: 1 << 30, share: &share{of: room}}
	room <- struct{}{}
	if err := unpack(t.Context(), bytes.NewReader(small), memoryStore{}, bounds); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := unpack(ctx, bytes.NewReader(large), memoryStore{}, bounds); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-room
	for range 2 {
		if err := unpack(t.Context(), bytes.NewReader(large), memoryStore{}, bounds); err != nil {
			t.Error(err)
		}
	}
}
