package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// rateLimit is an item of the header RateLimit: what is left of a quota, and
// the seconds until it is renewed.
var rateLimit = regexp.MustCompile(`^\s*[^;]{0,100};\s*r=([0-9]{1,9})\s*;\s*t=([0-9]{1,9})\s*(?:;|$)`)

// askedWait returns how long a server asks to wait: until a used-up quota is
// renewed and a second more, or as Retry-After says in seconds or as a time.
func askedWait(h http.Header, now time.Time) time.Duration {
	var wait time.Duration
	for item := range strings.SplitSeq(h.Get("RateLimit"), ",") {
		m := rateLimit.FindStringSubmatch(item)
		if m == nil {
			continue
		}
		left, _ := strconv.Atoi(m[1])    // at most nine digits
		seconds, _ := strconv.Atoi(m[2]) // at most nine digits
		if left == 0 {
			wait = max(wait, time.Duration(seconds+1)*time.Second)
		}
	}
	return max(wait, retryAfter(h.Get("Retry-After"), now))
}

// retryAfter reads a wait in seconds or as a time; what is neither is none.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// tries counts the tries of one thing, and waits between them.
type tries struct {
	client *Client
	failed int
	pause  time.Duration
}

// progressed forgets the failures: something came, and more may come soon.
func (t *tries) progressed() { t.failed, t.pause = 0, t.client.Pause/4 }

// again waits before another try after an error, or returns why there is none.
func (t *tries) again(ctx context.Context, err error) error {
	var again *againError
	if !errors.As(err, &again) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if t.failed++; t.failed >= maxTries {
		return fmt.Errorf("%w after %d tries: %w", ErrUnreachable, t.failed, again.err)
	}
	if again.after > maxWait {
		return fmt.Errorf("%w for %v: so long the server asks to wait: %w", ErrUnreachable, again.after, again.err)
	}
	if t.pause == 0 {
		t.pause = t.client.Pause
	}
	wait := max(t.pause, again.after)
	t.pause = min(2*t.pause, max(maxPause, t.client.Pause))
	if t.client.Waiting != nil {
		t.client.Waiting(wait, again.err)
	}
	return t.client.Sleep(ctx, wait)
}
