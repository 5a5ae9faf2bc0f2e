package machine

import (
	"time"

	"golang.org/x/sys/unix"
)

// pin keeps the calling thread on a processor until release, which tells whether
// the thread may run where it could before. It is false where the system refuses.
func pin(processor int) (release func() bool, ok bool) {
	before, set := unix.NewCPUSet(maxCPUs), unix.NewCPUSet(maxCPUs)
	set.Set(processor)
	if unix.SchedGetaffinityDynamic(0, before) != nil || unix.SchedSetaffinityDynamic(0, set) != nil {
		return func() bool { return true }, false
	}
	return func() bool { return unix.SchedSetaffinityDynamic(0, before) == nil }, true
}

// Take has the calling goroutine's thread, to which it must be locked, run on the place's
// processors alone from here on, and says whether it does.
func (p *Place) Take() bool {
	set := unix.NewCPUSet(maxCPUs)
	for _, cpu := range p.CPUs {
		set.Set(cpu)
	}
	return unix.SchedSetaffinityDynamic(0, set) == nil
}

func systemPlaces(n int) []Place { return system().placesOf(n) }

// pinOrder returns the processors to pin threads to, in order.
func pinOrder() []int {
	r := system()
	text, _ := r.text("proc/cpuinfo")
	processors := parseProcessors(text)
	return spread(r.logicals(r.usable(r.online(processors)), processors))
}

// ThreadTime returns how long the calling thread has had a processor; false where the system
// does not say.
func ThreadTime() (time.Duration, bool) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err == nil
}
