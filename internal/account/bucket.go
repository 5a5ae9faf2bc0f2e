package account

import (
	"math"
	"time"
)

// bucket holds what may be used: it is full at first, what is used is taken out, and it
// fills up again within a minute. It may be below zero, where more was used than anybody
// knew before; it has to fill up then before the next may use something.
type bucket struct {
	level float64
	at    time.Time // when it was looked at last; zero: never, it is full
}

// fill brings a bucket of so much a minute to a moment.
func (b *bucket) fill(perMinute int64, now time.Time) {
	full := float64(perMinute)
	if b.at.IsZero() {
		b.level = full
	} else if past := now.Sub(b.at); past > 0 {
		b.level += full * past.Minutes()
	} else {
		now = b.at // the clock was set back
	}
	b.level, b.at = min(b.level, full), now
}

// wait returns how long it takes until there is so much in it.
func (b *bucket) wait(perMinute int64, want float64) time.Duration {
	missing := want - b.level
	if missing <= 0 {
		return 0
	}
	minutes := missing / float64(perMinute)
	if minutes > maxWait.Minutes() {
		return maxWait
	}
	return time.Duration(math.Ceil(minutes * float64(time.Minute)))
}

// maxWait bounds what anybody is told to wait.
const maxWait = 365 * 24 * time.Hour
