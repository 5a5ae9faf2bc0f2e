package hub

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary plays other parts when it is started with HUB_TEST_ROLE:
// the machine's pip, or a blitz that is killed or waits for another.
func TestMain(m *testing.M) {
	switch os.Getenv("HUB_TEST_ROLE") {
	case "pip":
		os.Exit(fakePip(os.Args[1:]))
	case "pull":
		os.Exit(pullRole())
	case "full":
		os.Exit(fullRole())
	}
	os.Exit(m.Run())
}

// fakeIndex is a folder of wheels that a fake pip serves. It is the only pip
// on PATH as long as the test runs.
type fakeIndex struct {
	tb   testing.TB
	dir  string // wheels
	log  string // a line for each download that pip was asked for
	path string // of the programs
}

// newFakeIndex puts a fake pip on PATH under a program's name.
func newFakeIndex(tb testing.TB, program string) *fakeIndex {
	tb.Helper()
	dir := tb.TempDir()
	x := &fakeIndex{tb, filepath.Join(dir, "wheels"), filepath.Join(dir, "log"), filepath.Join(dir, "bin")}
	for _, d := range []string{x.dir, x.path} {
		if err := os.Mkdir(d, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	x.install(program)
	t, ok := tb.(*testing.T)
	if !ok {
		tb.Fatal("a fake pip is for tests")
	}
	t.Setenv("PATH", x.path)
	t.Setenv("HUB_TEST_ROLE", "pip")
	t.Setenv("FAKE_PIP", dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's own wait, a second for each pip
	return x
}

// install makes a program the fake pip.
func (x *fakeIndex) install(program string) {
	self, err := os.Executable()
	if err != nil {
		x.tb.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(x.path, program)); err != nil {
		x.tb.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
}

// mode says how the fake pip is to behave.
func (x *fakeIndex) mode(mode string) {
	write(x.tb, filepath.Join(filepath.Dir(x.dir), "mode"), []byte(mode))
}

// add puts a wheel into the index.
func (x *fakeIndex) add(name, version string, wheel []byte) {
	write(x.tb, filepath.Join(x.dir, wheelFile(name, version)), wheel)
}

// asked returns what pip was asked to download since the last call.
func (x *fakeIndex) asked() []string {
	b, err := os.ReadFile(x.log)
	if err != nil {
		return nil
	}
	if err := os.Remove(x.log); err != nil {
		x.tb.Fatal(err)
	}
	return strings.Fields(string(b))
}

// fakePip is pip download as far as blitz uses it, with pip's own words.
func fakePip(args []string) int {
	dir := os.Getenv("FAKE_PIP")
	modeText, _ := os.ReadFile(filepath.Join(dir, "mode")) // none: the usual
	mode, argument, _ := strings.Cut(string(modeText), " ")
	if len(args) >= 2 && args[0] == "-c" {
		args = args[2:]
	}
	if slices.Equal(args, []string{"--version"}) {
		if mode == "broken" {
			fmt.Fprintln(os.Stderr, "python3: No module named pip")
			return 1
		}
		fmt.Println("pip " + map[bool]string{true: "25.2", false: "23.2.1"}[mode == "raw"] + " from /usr/lib (python 3.11)")
		return 0
	}
	if len(args) == 9 && strings.HasPrefix(strings.Join(args, " "), "index versions --no-input --disable-pip-version-check --no-color --ignore-requires-python --only-binary :all: ") {
		return fakeVersions(dir, mode, args[8])
	}
	want := "download --no-input --disable-pip-version-check --no-color --progress-bar BAR --ignore-requires-python --no-deps --only-binary :all: --dest"
	if len(args) != 13 || strings.Join(args[:11], " ") != strings.Replace(want, "BAR", args[5], 1) {
		fmt.Fprintf(os.Stderr, "ERROR: unexpected arguments %q\n", args)
		return 2
	}
	return fakeDownload(dir, mode, argument, args[11], args[12])
}

// fakeVersions is pip index versions, which releases before 21.2 lack.
func fakeVersions(dir, mode, name string) int {
	if mode == "old" {
		fmt.Fprintln(os.Stderr, `ERROR: unknown command "index"`)
		return 1
	}
	var versions []string
	found, _ := filepath.Glob(filepath.Join(dir, "wheels", strings.ReplaceAll(name, "-", "_")+"-*.whl"))
	for _, path := range found {
		versions = append(versions, strings.Split(filepath.Base(path), "-")[1])
	}
	if len(versions) == 0 {
		fmt.Fprintln(os.Stderr, "ERROR: No matching distribution found for "+name)
		return 1
	}
	slices.Sort(versions)
	slices.Reverse(versions)
	fmt.Fprintln(os.Stderr, "WARNING: pip index is currently an experimental command. It may be removed/changed in a future release without prior warning.")
	fmt.Printf("%s (%s)\nAvailable versions: %s\n", name, versions[0], strings.Join(versions, ", "))
	return 0
}

func fakeDownload(dir, mode, argument, dest, spec string) int {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return 2
	}
	fmt.Fprintln(log, spec)
	log.Close()
	name, version, versioned := strings.Cut(spec, "==")
	fmt.Println("Collecting " + spec)
	switch mode {
	case "say": // and fail, unless only one package is meant
		package_, text, _ := strings.Cut(argument, " ")
		if package_ == "*" || package_ == name {
			fmt.Fprintln(os.Stderr, text)
			return 1
		}
	case "stubborn":
		signal.Ignore(os.Interrupt)
		time.Sleep(time.Hour)
	case "hang":
		os.WriteFile(filepath.Join(dir, "pid"), fmt.Append(nil, os.Getpid()), 0o644)
		time.Sleep(time.Hour)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "wheels", strings.ReplaceAll(name, "-", "_")+"-*.whl"))
	found = slices.DeleteFunc(found, func(path string) bool {
		return versioned && strings.Split(filepath.Base(path), "-")[1] != version
	})
	if len(found) == 0 {
		fmt.Fprintf(os.Stderr, "ERROR: Could not find a version that satisfies the requirement %s (from versions: 0.1, 0.2)\nERROR: No matching distribution found for %s\n", spec, spec)
		return 1
	}
	slices.Sort(found)
	return serve(mode, found[len(found)-1], dest)
}

// serve writes a wheel as pip does: in its folder for temporary files first.
func serve(mode, path, dest string) int {
	content, err := os.ReadFile(path)
	if err != nil {
		return 2
	}
	base := filepath.Base(path)
	fmt.Printf("  Downloading https://index.example/%s (%.1f kB)\n", base, float64(len(content))/1000)
	temporary, err := os.Create(filepath.Join(os.TempDir(), base))
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR: Could not install packages due to an OSError: "+err.Error())
		return 1
	}
	pieces, pause := 1, 60*time.Millisecond
	switch mode {
	case "slow", "raw":
		pieces = 10
	case "brisk":
		pieces, pause = 10, 4*time.Millisecond
	}
	for i := range pieces {
		from, to := len(content)*i/pieces, len(content)*(i+1)/pieces
		if _, err := temporary.Write(content[from:to]); err != nil {
			fmt.Fprintln(os.Stderr, "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
			return 1
		}
		if mode == "raw" {
			fmt.Printf("Progress %d of %d\n", to, len(content))
		}
		if pieces > 1 {
			time.Sleep(pause)
		}
	}
	temporary.Close()
	if mode == "sdist" {
		base = "x-1.0.tar.gz"
	}
	if mode == "other" {
		base = "y-1.0-py3-none-any.whl"
	}
	if err := os.Rename(temporary.Name(), filepath.Join(dest, base)); err != nil {
		fmt.Fprintln(os.Stderr, "ERROR: "+err.Error())
		return 1
	}
	if mode == "two" {
		os.WriteFile(filepath.Join(dest, "second.whl"), content, 0o644)
	}
	fmt.Println("Saved ./" + base)
	return 0
}
