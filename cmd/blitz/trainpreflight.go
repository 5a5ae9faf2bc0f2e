package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// preflight is what a run will take, before it begins.
type preflight struct {
	settings  *course.Settings
	plan      *course.Plan
	set       *dataset.Set
	recompute bool
	vocab     int
	room      int64 // bytes that a step takes beside the weights

	loss float64       // of the first batch, before anything is learned
	time time.Duration // of the run, about
}

// A step takes about so many times as long as computing its losses alone: the way back has
// two products for each one there, and with recomputation another.
const (
	stepShare      = 3
	recomputeShare = 4
)

// measure computes the losses of the first rows. A loss that is no number is refused.
func (p *preflight) measure(ctx context.Context, m course.Model) error {
	batches := p.plan.Batches(0)
	began := time.Now()
	x, err := m.Measure(ctx, batches[:1])
	if err != nil {
		return err
	}
	took := time.Since(began)
	if p.loss = x.Loss; math.IsNaN(p.loss) || math.IsInf(p.loss, 0) {
		return fault.Refusal(fmt.Errorf("the loss of the first batch is %g before anything is learned: %w", p.loss, course.ErrDoomed))
	}
	share := time.Duration(stepShare)
	if p.recompute {
		share = recomputeShare
	}
	rows := time.Duration(0)
	if course.Preferences(p.settings.Kind) { // the loss first, and once before everything
		share++
		rows = time.Duration(p.set.Train.Units()) * took / time.Duration(max(1, len(batches[0].Index)/2))
	}
	p.time = rows + took*share*time.Duration(len(batches))*time.Duration(p.plan.Steps)
	return nil
}

// write shows what the run takes, and warns of what may be meant otherwise.
func (p *preflight) write(w io.Writer, weights []*model.Weight) error {
	numbers := int64(0)
	for _, x := range weights {
		numbers += int64(x.Len())
	}
	free := "not known"
	if n, ok := machine.AvailableMemory(); ok {
		free = fit.FormatMemory(n)
	}
	chance := math.Log(float64(p.vocab))
	rows := [][]string{
		{"weights", formatCount(numbers) + map[bool]string{false: ", all of the model", true: ", of an adapter; the model stays as it is"}[p.settings.Lora]},
		{"memory", fmt.Sprintf("%s beside the weights for gradients, AdamW and what a step computes; %s are free", fit.FormatMemory(p.room), free)},
		{"steps", fmt.Sprintf("%d of up to %s of %d tokens", p.plan.Steps, counted(p.plan.Rows, "row"), p.plan.Length)},
		{"first loss", p.firstLoss(chance)},
		{"time", "about " + formatDuration(p.time)},
	}
	if err := writeTable(w, rows...); err != nil {
		return err
	}
	for _, warning := range p.warnings(chance) {
		if _, err := fmt.Fprintln(w, "warning: "+warning); err != nil {
			return err
		}
	}
	return nil
}

// firstLoss says what the loss is before anything is learned. A model that learns preferences
// is its own reference then, so that every answer is worth nothing.
func (p *preflight) firstLoss(chance float64) string {
	s := p.settings
	measured := fmt.Sprintf("%.4f measured; by chance alone it is ln %d = %.4f", p.loss, p.vocab, chance)
	switch s.Kind {
	case course.DPO:
		return fmt.Sprintf("ln 2 = %.4f; of the answers as text %s", math.Ln2, measured)
	case course.KTO:
		good, bad := float64(p.set.Counts.Desirables), float64(p.set.Counts.Others)
		return fmt.Sprintf("about %.4f, half of what an answer counts; of the answers as text %s", (good*s.DesirableWeight+bad*s.UndesirableWeight)/2/max(1, good+bad), measured)
	}
	return measured
}

// manyLong is the share of samples that are cut or left out from which on it is a matter.
const manyLong = 0.1

// warnings are sentences about what may be meant otherwise.
func (p *preflight) warnings(chance float64) (list []string) {
	c := &p.set.Counts
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if c.Broken > 0 {
		say("%s not usable, %d of %d", counted(c.Broken, "row")+" "+map[bool]string{true: "is", false: "are"}[c.Broken == 1], c.Broken, c.Broken+c.Rows)
	}
	if share := c.ShareLong(); share > manyLong {
		say("%.0f %% of the samples are cut or left out: a larger --length keeps them", 100*share)
	}
	if c.Endless > 0 && p.settings.Kind != "pretrain" {
		say("%s teach no end of an answer: the model may learn to go on and on", counted(c.Endless, "sample"))
	}
	if p.settings.Kind == course.KTO && (c.Desirables == 0 || c.Others == 0) {
		say("all answers have one label: there is nothing to tell them from")
	}
	if !p.settings.Random && p.loss > chance+1 {
		say("the first loss is higher than by chance: the text is none that this model knows, or its template is another")
	}
	return list
}

// formatDuration writes a time for people: 12 s, 5 min, 3.4 h.
func formatDuration(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
