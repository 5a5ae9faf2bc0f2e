package batch

import (
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// The environment of TestKills: how many kills (bench/ has the long run), and the folder
// of a child.
const (
	killsVariable = "BLITZ_TEST_KILLS"
	homeVariable  = "BLITZ_TEST_BATCH_HOME"
)

// TestKills kills a server again and again while it answers batches. No line is lost, and
// none is there twice.
func TestKills(t *testing.T) {
	if home := os.Getenv(homeVariable); home != "" {
		serveBatches(t, home)
		return
	}
	kills := 4
	if testing.Short() {
		kills = 1
	}
	if n, err := strconv.Atoi(os.Getenv(killsVariable)); err == nil {
		kills = n
	}
	count := max(200, 10*kills) // so that there is something to do for each
	home := t.TempDir()
	x := openBench(t, home, nil)
	var ids []string
	for range 3 {
		ids = append(ids, x.start("a", x.put("a", lines(count)).ID).ID)
	}
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for range kills {
		c := child(t, home)
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait() // it says that it was killed
	}
	c := child(t, home)
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	for _, id := range ids {
		w := x.over("a", id)
		good, bad := x.results("a", w.OutputFile), x.results("a", w.ErrorFile)
		if w.Status != completed || len(good) != count/2 || len(bad) != count/2 || w.Counts != (counts{int64(count), int64(count / 2), int64(count / 2)}) {
			t.Errorf("%+v: %d results, %d errors", w, len(good), len(bad))
		}
	}
}

// child starts a process that answers batches, and waits until it does.
func child(t *testing.T, home string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestKills$", "-test.timeout=10m")
	c.Env = append(os.Environ(), homeVariable+"="+home)
	c.Stderr = os.Stderr
	said, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := said.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the child does not start: %v", err)
	}
	return c
}

// serveBatches is the child.
func serveBatches(t *testing.T, home string) {
	x := openBench(t, home, nil)
	x.b.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		echo(w, r)
	}))
	_, _ = os.Stdout.WriteString(".")
	select {}
}
