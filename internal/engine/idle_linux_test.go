package engine

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processTime returns what this process has had of processors.
func processTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestIdle: an engine that nobody asks takes less than a thousandth of a processor, by the
// processor's time. What the tests before left to do, the runtime has done after a while.
func TestIdle(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 200, Threads: 3})
	s, err := e.Submit(t.Context(), request(0))
	if err != nil {
		t.Fatal(err)
	}
	if len(collect(s)) == 0 {
		t.Fatal("no answer")
	}
	runtime.GC()
	const window, windows = 250 * time.Millisecond, 24
	least := time.Hour
	for range windows {
		before := processTime(t)
		time.Sleep(window)
		if least = min(least, processTime(t)-before); least < window/1000 {
			return
		}
	}
	t.Errorf("an idle engine took %v of %v", least, window)
}
