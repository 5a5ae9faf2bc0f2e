package engine

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// draws are rows to be drawn from, on all threads: each thread takes rows, or parts of them
// where there are fewer rows than threads. Which one does what is seen in none of them.
type draws struct {
	answers []*answer
	rows    []int // of logits
	logits  *model.Act
	stage   stage
	parts   int    // of each row, in this stage
	spread  []bool // of answers: they have parts to be weighed
}

// stage is what the threads do at a time.
type stage uint8

const (
	drawWhole stage = iota
	drawScan        // parts of rows are scanned
	drawWeigh       // and weighed
	drawEnd
)

// draw draws the next tokens of the answers among some rows: from the first of each, which is
// behind a wrong guess where the rows before it were handed out already.
func (e *Engine) draw(rows []row, logits *model.Act) {
	d := &e.draws
	d.logits = logits
	for k := range rows {
		s := rows[k].sequence
		if k > 0 && rows[k-1].sequence == s {
			continue // its rows are drawn from one after the other
		}
		if a, ok := s.work.(*answer); ok && rows[k].isWanted() && a.draws() {
			d.answers, d.rows = append(d.answers, a), append(d.rows, k)
		}
	}
	if n := len(d.answers); n < e.threads.Count() {
		d.inParts(e.threads.workers)
	} else {
		d.run(e.threads.workers, drawWhole, n)
	}
	clear(d.answers)
	d.answers, d.rows = d.answers[:0], d.rows[:0]
}

// drawOne draws the next token of an answer from logits [V], on all threads, and does not
// take it.
func (e *Engine) drawOne(a *answer, logits []float32) (int32, error) {
	d := &e.draws
	d.logits = &model.Act{T: 1, D: len(logits), X: logits}
	d.answers, d.rows = append(d.answers, a), append(d.rows, 0)
	if e.threads.Count() == 1 {
		d.run(e.threads.workers, drawWhole, 1)
	} else {
		d.inParts(e.threads.workers)
	}
	d.answers[0] = nil
	d.answers, d.rows, d.logits = d.answers[:0], d.rows[:0], nil
	x := a.drawn
	a.drawn = drawn{}
	return x.token.ID, x.err
}

// run has the threads do the items of a stage.
func (d *draws) run(w *kernel.Workers, x stage, items int) {
	d.stage = x
	w.Run(d, items)
}

// inParts draws from each row in parts.
func (d *draws) inParts(w *kernel.Workers) {
	d.parts, d.spread = 0, d.spread[:0]
	for i, a := range d.answers {
		parts, err := a.sampler.Begin(d.row(i), a.guidance.allowed)
		if err != nil {
			a.drew(0, err, nil)
		}
		d.parts = max(d.parts, parts) // all rows are as long
	}
	d.run(w, drawScan, d.parts*len(d.answers))
	weigh := 0
	for _, a := range d.answers {
		parts := 0
		if !a.drawn.there {
			var err error
			if parts, err = a.sampler.Spread(); err != nil {
				a.drew(0, err, nil)
			}
		}
		weigh = max(weigh, parts)
		d.spread = append(d.spread, parts > 0)
	}
	if d.parts = weigh; weigh > 0 {
		d.run(w, drawWeigh, weigh*len(d.answers))
	}
	d.run(w, drawEnd, len(d.answers))
}

func (d *draws) row(i int) []float32 { return d.logits.Row(d.rows[i]) }

// Do does an item of the stage.
func (d *draws) Do(i int, _ *kernel.Thread) {
	switch d.stage {
	case drawWhole:
		d.answers[i].draw(d.row(i))
	case drawScan:
		if a := d.answers[i/d.parts]; !a.drawn.there {
			a.sampler.Scan(i % d.parts)
		}
	case drawWeigh:
		if d.spread[i/d.parts] {
			d.answers[i/d.parts].sampler.Weigh(i % d.parts)
		}
	case drawEnd:
		if a := d.answers[i]; !a.drawn.there {
			a.drew(a.sampler.End(), nil, d.row(i))
		}
	}
}
