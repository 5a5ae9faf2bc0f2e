//go:build !linux

package machine

import "time"

// pin: macOS has no affinity, and elsewhere the scheduler is trusted to spread
// busy threads.
func pin(int) (release func() bool, ok bool) { return func() bool { return true }, false }

// Take does nothing: see pin.
func (p *Place) Take() bool { return false }

func systemPlaces(int) []Place { return nil }

func pinOrder() []int { return nil }

// ThreadTime is not known here.
func ThreadTime() (time.Duration, bool) { return 0, false }
