package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"golang.org/x/sys/unix"
)

// affinities returns the processors of each thread of this process.
func affinities(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(names) == 0 {
		t.Skip("no threads in /proc: ", err)
	}
	list := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		_, s, _ := strings.Cut(string(text), "Cpus_allowed_list:")
		s, _, _ = strings.Cut(s, "\n")
		list[name] = strings.TrimSpace(s)
	}
	return list
}

// After a measurement no goroutine is left, and every thread may run where it
// could before.
func TestMeasureLeavesNothing(t *testing.T) {
	all, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	_, want, _ := strings.Cut(string(all), "Cpus_allowed_list:")
	want, _, _ = strings.Cut(want, "\n")
	goroutines := runtime.NumGoroutine()
	l, err := Measure(t.Context(), quick(kernel.Portable))
	if err != nil {
		t.Fatal(err)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("got %d goroutines, want %d as before", n, goroutines)
	}
	for name, got := range affinities(t) {
		if got != strings.TrimSpace(want) {
			t.Errorf("%s: may run on %s, want %s (pinned: %v)", name, got, want, l.Pinned)
		}
	}
}

// A pinned thread runs on its processor and nowhere else until it is released.
func TestPin(t *testing.T) {
	order := pinOrder()
	if len(order) == 0 {
		t.Skip("no processors in /proc and /sys")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, during, after unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Skip("more processors than this test knows: ", err)
	}
	last := order[len(order)-1]
	release, ok := pin(last)
	if !ok {
		t.Skip("the system refuses to pin threads")
	}
	if err := unix.SchedGetaffinity(0, &during); err != nil || during.Count() != 1 || !during.IsSet(last) {
		t.Errorf("pinned to %d: got %v, %v", last, during, err)
	}
	if !release() {
		t.Fatal("the thread was not released")
	}
	if err := unix.SchedGetaffinity(0, &after); err != nil || after != before {
		t.Errorf("released: got %v, %v, want %v", after, err, before)
	}
}

func TestPinNowhere(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if release, ok := pin(maxCPUs - 1); ok || !release() {
		t.Errorf("pinned to a processor that is not there")
	}
}

// A thread that sleeps has no processor, one that works has.
func TestProcessorTime(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, ok := ThreadTime()
	time.Sleep(20 * time.Millisecond)
	asleep, _ := ThreadTime()
	for begin := time.Now(); time.Since(begin) < 20*time.Millisecond; {
		int8Generic(0)
	}
	awake, _ := ThreadTime()
	if !ok || asleep-before > 10*time.Millisecond || awake <= asleep {
		t.Errorf("got %s asleep and %s awake, %v", asleep-before, awake-asleep, ok)
	}
}

// TestTake: a thread that takes a place runs on its processors.
func TestTake(t *testing.T) {
	cpus := system().usable(system().online(nil))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and the thread ends with it
		p := Place{CPUs: cpus[len(cpus)-1:]}
		if !p.Take() {
			t.Errorf("the system refuses %v", p.CPUs)
			return
		}
		set := unix.NewCPUSet(maxCPUs)
		if err := unix.SchedGetaffinityDynamic(0, set); err != nil || set.Count() != 1 || !set.IsSet(p.CPUs[0]) {
			t.Errorf("a thread that took %v may run on %d processors, %v", p.CPUs, set.Count(), err)
		}
	}()
	<-ended
	if p := (Place{CPUs: []int{maxCPUs - 1}}); len(cpus) < maxCPUs && p.Take() {
		t.Errorf("a place on a processor that is not there was taken")
	}
}
