package engine

// purse is what guesses may still lose: a hundredth of the time that steps take without them,
// what guesses won before, and a step at first. A bet is made where it can be paid for, even
// if nothing of it is right; so guesses that are always wrong cost a hundredth and little
// more. In nanoseconds.
type purse struct {
	left float64
	open bool // what a step takes without guesses was measured
}

const (
	purseShare = 0.01 // of steps without guesses
	purseSteps = 20   // that it holds at most
)

// step notes a step of so many sequences, in which so many tokens were guessed and so many of
// them were right, that took so long; alone is what a step of these sequences takes.
func (p *purse) step(sequences, guessed, right int, took, alone float64) {
	if !p.open {
		p.left, p.open = alone, true
	}
	if guessed == 0 {
		p.left += purseShare * took
	} else {
		p.left += alone*float64(sequences+right)/float64(sequences) - took
	}
	p.left = min(p.left, purseSteps*alone)
}

// earn tells the purse of a step that read nothing, before its time is noted.
func (e *Engine) earn(took float64) {
	guessed, right := 0, 0
	for _, v := range e.verdicts {
		guessed += v.guessed
		right += v.guessed - v.wrong
	}
	sequences, alone := e.content.decoded-guessed, took
	if e.purse.open {
		alone = e.pace.about(sequences)
	}
	e.purse.step(sequences, guessed, right, took, alone)
}
