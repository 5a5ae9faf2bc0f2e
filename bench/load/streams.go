package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// one measures a stream at a time; the first warms up.
func one(ctx context.Context, c *client) (any, error) {
	r := rand.New(rand.NewPCG(c.seed, 1))
	var rates, firsts []float64
	for i := range c.repeat + 1 {
		a, err := c.ask(ctx, question{user: text(r, 8), tokens: c.tokens}, nil)
		if err != nil {
			return nil, err
		}
		if a.status != 200 || a.tokens < c.tokens {
			return nil, fmt.Errorf("status %d, %d tokens of %d", a.status, a.tokens, c.tokens)
		}
		if i > 0 {
			rates, firsts = append(rates, a.rate()), append(firsts, a.firstToken().Seconds()*1e3)
		}
	}
	return map[string]any{"load": "one", "tokens_per_s": spread(rates), "first_token_ms": spread(firsts)}, nil
}

// many measures streams at once: from when all have begun until the first is over. A piece of
// text may be of more than one token, where one is no whole character.
func many(ctx context.Context, c *client) (any, error) {
	var mu sync.Mutex
	var pieces []time.Time
	begins, ends := make([]time.Time, c.clients), make([]time.Time, c.clients)
	tokens, seen := 0, 0
	err := c.each(c.clients, func(i int, r *rand.Rand) error {
		a, err := c.ask(ctx, question{user: text(r, 8), tokens: c.tokens}, func(t time.Time) {
			mu.Lock()
			pieces = append(pieces, t)
			mu.Unlock()
		})
		if err != nil {
			return err
		}
		if a.status != 200 {
			return fmt.Errorf("status %d", a.status)
		}
		begins[i], ends[i] = a.first, a.last
		mu.Lock()
		tokens, seen = tokens+a.tokens, seen+a.pieces
		mu.Unlock()
		return nil
	})
	if err != nil {
		return nil, err
	}
	from, to := latest(begins), earliest(ends)
	n := 0
	for _, t := range pieces {
		if t.After(from) && !t.After(to) {
			n++
		}
	}
	if !to.After(from) {
		return nil, errors.New("the streams were never all under way: more -tokens")
	}
	return map[string]any{"load": "many", "clients": c.clients, "tokens_per_s": float64(n) / to.Sub(from).Seconds() * float64(tokens) / float64(seen), "tokens_a_piece": float64(tokens) / float64(seen)}, nil
}

// beside measures what a long prompt does to the streams beside it, until it is answered or
// the time is over. Streams take longer for a token the longer they are: what one takes alone
// is the mean of before and behind.
func beside(ctx context.Context, c *client) (any, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var pieces, refused atomic.Int64
	var streams sync.WaitGroup
	for i := range c.clients {
		streams.Go(func() {
			r := rand.New(rand.NewPCG(c.seed, uint64(i)))
			a, err := c.ask(ctx, question{user: text(r, 8), tokens: 1 << 20}, func(time.Time) { pieces.Add(1) }) // it is ended by us
			if err == nil && a.status != 200 {
				refused.Store(int64(a.status))
				stop()
			}
		})
	}
	defer streams.Wait()
	defer stop()
	for pieces.Load() < int64(4*c.clients) && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if status := refused.Load(); status != 0 {
		return nil, fmt.Errorf("status %d", status)
	}
	alone := func() float64 {
		from, n := time.Now(), pieces.Load()
		time.Sleep(5 * time.Second)
		return float64(pieces.Load()-n) / time.Since(from).Seconds()
	}
	before := alone()

	reading, leave := context.WithTimeout(ctx, c.span)
	defer leave()
	r := rand.New(rand.NewPCG(c.seed, 1<<32))
	done := make(chan *reply, 1)
	from, n := time.Now(), pieces.Load()
	go func() {
		a, err := c.ask(reading, question{user: text(r, c.prompt), tokens: 2}, nil)
		if err != nil {
			a = nil
		}
		done <- a
	}()
	time.Sleep(300 * time.Millisecond)
	short, err := c.ask(ctx, question{user: "Name the capital of France.", tokens: 2}, nil)
	if err != nil {
		return nil, err
	}
	long := <-done
	took := time.Since(from)
	kept := float64(pieces.Load()-n) / took.Seconds()
	out := map[string]any{"load": "beside", "streams": c.clients, "short_first_token_ms": short.firstToken().Seconds() * 1e3}
	switch {
	case long != nil && long.status == 200:
		out["prompt"], out["prompt_s"], out["prompt_tokens_per_s"] = long.prompt, took.Seconds(), float64(long.prompt)/took.Seconds()
		out["short_came_before_the_end"] = short.first.Before(long.first)
	case reading.Err() == nil:
		return nil, fmt.Errorf("the long prompt was not answered: %+v", long)
	}
	time.Sleep(200 * time.Millisecond) // for the prompt to be let go
	behind := alone()
	out["streams_alone_tokens_per_s"] = []float64{before, behind}
	out["streams_beside_tokens_per_s"] = kept
	out["kept"] = kept * (1/before + 1/behind) / 2
	return out, nil
}

// each runs n clients with a generator each and returns the first error.
func (c *client) each(n int, do func(i int, r *rand.Rand) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i, rand.New(rand.NewPCG(c.seed, uint64(i)))) })
	}
	all.Wait()
	return errors.Join(errs...)
}
