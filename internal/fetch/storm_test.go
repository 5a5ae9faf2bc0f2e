package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// stormServer has two versions of a file under one address and does at each
// request what a seed says: the right thing, or one of what servers do wrong.
type stormServer struct {
	mu       sync.Mutex
	random   *rand.Rand
	versions [2][]byte
	at       int  // the version
	marks    bool // ETags are given
}

func (s *stormServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.IntN(12) == 0 {
		s.at = 1 - s.at
	}
	body, h := s.versions[s.at], w.Header()
	mark := fmt.Sprintf(`"version-%d"`, s.at)
	if s.marks {
		h.Set("ETag", mark)
	}
	from, to, partial := 0, len(body), false
	held := r.Header.Get("If-Range")
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && (held == "" || held == mark) {
		first, last, _ := strings.Cut(text, "-")
		from, _ = strconv.Atoi(first) // the client's own
		if n, err := strconv.Atoi(last); err == nil {
			to = n + 1
		}
		partial = from < len(body)
	}
	total, shown, code := len(body), from, http.StatusOK
	switch s.random.IntN(14) {
	case 0:
		w.WriteHeader([]int{500, 502, 503, 429, 416, 408}[s.random.IntN(6)])
		return
	case 1:
		panic(http.ErrAbortHandler)
	case 2:
		from, to, partial = 0, len(body), false // the range is ignored
	case 3:
		shown += s.random.IntN(100) - 50 // the head lies
	case 4:
		from = max(0, from-s.random.IntN(50)) // other bytes, and the head says so
		shown = from
	case 5:
		total += 1000
	case 6:
		fmt.Fprint(w, "<!doctype html>")
		return
	}
	if partial {
		code = http.StatusPartialContent
		if s.random.IntN(20) > 0 {
			h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", shown, to-1+shown-from, total))
		}
	} else {
		from = 0
	}
	piece := body[from:to]
	if s.random.IntN(4) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(piece)))
	}
	w.WriteHeader(code)
	if s.random.IntN(2) == 0 {
		w.Write(piece)
		return
	}
	w.Write(piece[:s.random.IntN(len(piece)+1)])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// Whatever servers do, a file that comes is one version whole, and of a known
// digest the right one; what fails leaves nothing at the path.
func TestStorm(t *testing.T) {
	whole := 0
	seeds := 400
	if testing.Short() {
		seeds = 120
	}
	for seed := range seeds {
		s := &stormServer{random: rand.New(rand.NewPCG(uint64(seed), 7)), marks: seed%4 < 3}
		s.versions = [2][]byte{randomBytes(uint64(seed), 3000), randomBytes(uint64(seed)+1, 3000)}
		server, client, _ := serve(t, s.ServeHTTP)
		client.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
		f := File{URL: server.URL + "/x", Path: filepath.Join(t.TempDir(), "x")}
		if seed%2 == 0 {
			f.SHA256 = sha256.Sum256(s.versions[0])
		}
		if seed%3 == 0 {
			f.Size = int64(len(s.versions[0]))
		}
		var err error
		for range 6 {
			if _, _, err = client.File(t.Context(), f, nil); err == nil {
				break
			}
			if _, statErr := os.Stat(f.Path); statErr == nil {
				t.Fatalf("seed %d: %v, and yet there is a file", seed, err)
			}
		}
		server.Close()
		if err != nil {
			continue
		}
		whole++
		got := read(t, f.Path)
		page := f.Size == 0 && !f.trusted() && string(got) == "<!doctype html>" // which nothing tells from a file
		if !bytes.Equal(got, s.versions[0]) && (f.trusted() || !bytes.Equal(got, s.versions[1])) && !page {
			t.Errorf("seed %d: %d bytes came that are neither version", seed, len(got))
		}
	}
	if whole < seeds/2 {
		t.Errorf("%d of %d came whole: the storm is too strong to tell anything", whole, seeds)
	}
}
