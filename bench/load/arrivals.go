package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"
)

// systemWords is the length of the system prompt that all of mixed and open share.
const systemWords = 400

// mixed measures clients that ask again as soon as they are answered.
func mixed(ctx context.Context, c *client) (any, error) {
	system := text(rand.New(rand.NewPCG(c.seed, 1<<40)), systemWords)
	if _, err := c.ask(ctx, question{system: system, user: "Hello.", tokens: 2}, nil); err != nil { // warm
		return nil, err
	}
	end := time.Now().Add(c.span)
	var mu sync.Mutex
	var firsts []float64
	tokens, requests := 0, 0
	from := time.Now()
	err := c.each(c.clients, func(_ int, r *rand.Rand) error {
		for time.Now().Before(end) {
			a, err := c.ask(ctx, question{system: system, user: text(r, 10+r.IntN(300)), tokens: 16 + r.IntN(112)}, nil)
			if err != nil {
				return err
			}
			if a.status != 200 {
				return fmt.Errorf("status %d", a.status)
			}
			mu.Lock()
			firsts = append(firsts, a.firstToken().Seconds()*1e3)
			tokens += a.tokens
			requests++
			mu.Unlock()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"load": "mixed", "clients": c.clients, "requests": requests, "tokens_per_s": float64(tokens) / time.Since(from).Seconds(),
		"first_token_ms": spread(firsts),
	}, nil
}

// tally is what became of the requests of open.
type tally struct {
	mu                        sync.Mutex
	sent, good, refused, lost int
	other                     map[int]int
	tokens                    int
	firsts                    []float64
	noRetryAfter              int // of those that were refused
}

func (t *tally) add(a *reply, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.lost++
	case a.status == 200:
		t.good++
		t.tokens += a.tokens
		t.firsts = append(t.firsts, a.firstToken().Seconds()*1e3)
	case a.status == 429 || a.status == 529:
		t.refused++
		if a.retryAfter == "" {
			t.noRetryAfter++
		}
	default:
		t.other[a.status]++
	}
}

// open sends requests when their time comes, whether or not others were answered.
func open(ctx context.Context, c *client) (any, error) {
	r := rand.New(rand.NewPCG(c.seed, 1<<41))
	system := text(rand.New(rand.NewPCG(c.seed, 1<<40)), systemWords)
	slowly, stop := context.WithCancel(ctx)
	var all, slow sync.WaitGroup
	for range c.slow {
		slow.Go(func() {
			for slowly.Err() == nil { // it may be refused or cut off
				_, _ = c.ask(slowly, question{system: system, user: "Tell me a story.", tokens: 64, slow: 5 * time.Second}, nil)
				time.Sleep(time.Second)
			}
		})
	}
	before := c.process()
	t := &tally{other: map[int]int{}}
	from := time.Now()
	for time.Since(from) < c.span && ctx.Err() == nil {
		time.Sleep(time.Duration(r.ExpFloat64() / c.rate * float64(time.Second)))
		q := question{system: system, user: text(r, 10+r.IntN(100)), tokens: 16 + r.IntN(48)}
		t.sent++
		all.Go(func() { t.add(c.ask(ctx, q, nil)) })
	}
	during := c.process()
	took := time.Since(from)
	all.Wait()
	stop()
	slow.Wait()
	c.http.CloseIdleConnections()
	time.Sleep(2 * time.Second)
	return map[string]any{
		"load": "open", "rate": c.rate, "slow": c.slow, "seconds": took.Seconds(), "sent": t.sent, "good": t.good, "refused": t.refused, "lost": t.lost, "other": t.other,
		"tokens_per_s": float64(t.tokens) / took.Seconds(), "first_token_ms": spread(t.firsts), "without_retry_after": t.noRetryAfter,
		"process_before": before, "process_during": during, "process_after": c.process(),
	}, nil
}

// process returns the memory and the open files of the server, where its process is
// known and the system tells.
func (c *client) process() map[string]int {
	if c.pid == 0 {
		return nil
	}
	out := map[string]int{}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			out["rss_mib"] = kib >> 10
		}
		if n, _ := fmt.Sscanf(line, "Threads: %d", &kib); n == 1 {
			out["threads"] = kib
		}
	}
	if files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.pid)); err == nil {
		out["files"] = len(files)
	}
	return out
}
