// Command release builds the archives of a release: the program for Linux, macOS and
// Windows on amd64 and arm64, with manual pages, completions and licence, and a file of
// checksums. The same commit and the same Go give the same bytes, on any machine.
//
//	go run ./dist/release [-out DIR]
//	go run ./dist/release -twice
//
// Each program comes with its bill of materials. With -twice it builds the program for this
// machine from two clones in folders of different names, without anything that was built
// before, and says whether they are the same, byte for byte.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/bill"
)

// targets are what is built.
var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"},
}

type target struct{ os, arch string }

// release is what all archives have in common.
type release struct {
	out     string
	version string
	when    time.Time // of the commit
	shared  []file    // beside the program
}

// file is a file of an archive.
type file struct {
	name string
	mode fs.FileMode
	body []byte
}

func main() {
	out := flag.String("out", "release", "`folder` for the archives")
	twice := flag.Bool("twice", false, "build twice, and compare")
	flag.Parse()
	run := func() error { return build(*out) }
	if *twice {
		run = compare
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func build(out string) error {
	r := &release{out: out}
	var err error
	if err = r.identify(); err != nil {
		return err
	}
	if err = os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err = r.gather(); err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, t := range targets {
		name, body, err := r.archive(t)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", t.os, t.arch, err)
		}
		if err := os.WriteFile(filepath.Join(out, name), body, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(body), name)
		fmt.Printf("%s  %d MiB\n", name, len(body)>>20)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), sums.Bytes(), 0o644)
}

// identify names the release by its tag or commit.
func (r *release) identify() error {
	name, err := output("git", "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return err
	}
	r.version = strings.TrimPrefix(name, "v")
	when, err := output("git", "log", "-1", "--format=%cI")
	if err != nil {
		return err
	}
	r.when, err = time.Parse(time.RFC3339, when)
	r.when = r.when.UTC()
	return err
}

func output(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}

// gather makes what is the same in all archives: by a program for this machine.
func (r *release) gather() error {
	dir, err := os.MkdirTemp("", "blitz-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "blitz")
	if err := compile(program, target{runtime.GOOS, runtime.GOARCH}, ".", ""); err != nil {
		return err
	}
	man := filepath.Join(dir, "man")
	if _, err := output(program, "man", man); err != nil {
		return err
	}
	pages, err := os.ReadDir(man)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if err := r.add("man/man1/"+p.Name(), filepath.Join(man, p.Name())); err != nil {
			return err
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		text, err := output(program, "completion", shell)
		if err != nil {
			return err
		}
		r.shared = append(r.shared, file{"completion/blitz." + shell, 0o644, []byte(text + "\n")})
	}
	for name, from := range map[string]string{"LICENSE": "LICENSE", "README.md": "README.md", "blitz.service": "dist/blitz.service", "Containerfile": "dist/Containerfile"} {
		if err := r.add(name, from); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) add(name, from string) error {
	body, err := os.ReadFile(from)
	r.shared = append(r.shared, file{name, 0o644, body})
	return err
}

// compile builds the program of a source tree without paths of this machine in it, by the
// compiler that go.mod names. built is the folder of what was built before; "": the usual.
func compile(to string, t target, source, built string) error {
	pinned, err := compiler(source)
	if err != nil {
		return err
	}
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -buildid=", "-o", to, "./cmd/blitz")
	c.Dir = source
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOTOOLCHAIN="+pinned)
	if built != "" {
		c.Env = append(c.Env, "GOCACHE="+built)
	}
	c.Stderr = os.Stderr
	return c.Run()
}

// compiler returns the version of Go that a source tree is built with.
func compiler(source string) (string, error) {
	text, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if version, ok := strings.CutPrefix(line, "go "); ok {
			return "go" + strings.TrimSpace(version), nil
		}
	}
	return "", errors.New("go.mod names no version of Go")
}

// compare builds the program twice and compares.
func compare() error {
	dir, err := os.MkdirTemp("", "blitz-twice-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var sums [2]string
	for i, name := range []string{"a", "another/folder of a longer name"} {
		source := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := output("git", "clone", "--quiet", "--no-hardlinks", ".", source); err != nil {
			return err
		}
		program, built := filepath.Join(dir, fmt.Sprint("program", i)), filepath.Join(dir, fmt.Sprint("built", i))
		if err := compile(program, target{runtime.GOOS, runtime.GOARCH}, source, built); err != nil {
			return err
		}
		if err := os.RemoveAll(built); err != nil {
			return err
		}
		code, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		sums[i] = fmt.Sprintf("%x", sha256.Sum256(code))
	}
	if sums[0] != sums[1] {
		return fmt.Errorf("two builds differ: sha256 %s and %s", sums[0], sums[1])
	}
	fmt.Println(sums[0], "twice")
	return nil
}

// archive returns the archive of a target.
func (r *release) archive(t target) (name string, body []byte, err error) {
	dir, err := os.MkdirTemp("", "blitz-release-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	program := "blitz"
	if t.os == "windows" {
		program += ".exe"
	}
	if err := compile(filepath.Join(dir, program), t, ".", ""); err != nil {
		return "", nil, err
	}
	code, err := os.ReadFile(filepath.Join(dir, program))
	if err != nil {
		return "", nil, err
	}
	info, err := buildinfo.Read(bytes.NewReader(code))
	if err != nil {
		return "", nil, err
	}
	materials, err := json.MarshalIndent(bill.Of(info), "", "  ")
	if err != nil {
		return "", nil, err
	}
	folder := fmt.Sprintf("blitz-%s-%s-%s", r.version, t.os, t.arch)
	files := append([]file{{program, 0o755, code}, {"blitz.cdx.json", 0o644, append(materials, '\n')}}, r.shared...)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	for i := range files {
		files[i].name = folder + "/" + files[i].name
	}
	if t.os == "windows" {
		body, err = r.zip(files)
		return folder + ".zip", body, err
	}
	body, err = r.tar(files)
	return folder + ".tar.gz", body, err
}

func (r *release) tar(files []file) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(f.body)), ModTime: r.when, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.body); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (r *release) zip(files []file) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.when}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(f.body); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
