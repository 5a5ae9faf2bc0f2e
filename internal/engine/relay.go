package engine

import "time"

// Relay is a Stream whose tokens come from another process.
type Relay struct{ *Stream }

// NewRelay returns a stream of the answer to a prompt of that many tokens.
func NewRelay(prompt int) *Relay { return &Relay{newStream(prompt, time.Now)} }

// Reached notes how far the prompt is.
func (r *Relay) Reached(cached, computed int) {
	r.update(func(p *Progress) {
		if p.Admitted.IsZero() {
			p.Admitted = time.Now()
		}
		p.Cached, p.Computed = cached, computed
	})
}

// Guessed notes how many tokens were guessed, and how many of them were drawn.
func (r *Relay) Guessed(guessed, confirmed int) {
	r.update(func(p *Progress) { p.Guessed, p.Confirmed = guessed, confirmed })
}

// Put adds a token.
func (r *Relay) Put(t Token) { r.put(t) }

// End says why the answer is over.
func (r *Relay) End(f Finish) { r.end(f) }
