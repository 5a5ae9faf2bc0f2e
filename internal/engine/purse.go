package engine

// purse is what guesses may still lose: a hundredth of the time that steps take without them,
// what guesses won before, and a step at first. A bet is made where it can be paid for, even
// if nothing of it is right; so guesses that are always wrong cost a hundredth and little
// more. In nanoseconds.
//
// What a bet won is what the step would have taken without guesses, of which only steps
// without them tell: where bets go on and on that is measured anew from time to time, and at
// once where guesses are wrong. Else one step that something disturbed would make all guesses
// behind it look as if they won.
type purse struct {
	left  float64
	plain int // steps without guesses, until there are enough to compare with
	bets  int // steps with guesses since one without
	vain  int // the last of them, of whose guesses none was right
}

const (
	purseShare = 0.01 // of steps without guesses
	purseSteps = 20   // that it holds at most
	plainSteps = 3    // without guesses before the first bet: one of them may be disturbed
	mostBets   = 32   // in a row: a step without guesses costs little where they win
	mostVain   = 2    // in a row that brought nothing: who goes on has to know what that costs
)

// open says whether guesses may be made in the next step, as far as it is known what steps
// take.
func (p *purse) open() bool {
	return p.plain >= plainSteps && p.bets < mostBets && p.vain < mostVain
}

// rest notes a step without guesses; alone is what such a step takes.
func (p *purse) rest(alone float64) {
	p.bets, p.vain = 0, 0
	if p.plain < plainSteps {
		p.plain++
		p.left = alone
		return
	}
	p.earn(alone)
}

// earn notes time that was spent without guesses.
func (p *purse) earn(time float64) {
	p.left = min(p.left+purseShare*time, purseSteps*time)
}

// bet notes a step of so many sequences for which tokens were guessed, of which so many were
// right. took is what such a step takes, alone what one takes without guesses: no more, since
// it computes less.
func (p *purse) bet(sequences, right int, took, alone float64) {
	alone = min(alone, took)
	p.left += alone*float64(sequences+right)/float64(sequences) - took
	p.left = min(p.left, purseSteps*alone)
	p.bets++
	p.vain++
	if right > 0 {
		p.vain = 0
	}
}

// settleBets tells the purse of a step that read nothing, once its time is noted.
func (e *Engine) settleBets() {
	guessed, right := 0, 0
	for _, v := range e.verdicts {
		guessed += v.guessed
		right += v.guessed - v.wrong
	}
	sequences := e.content.decoded - guessed
	alone := e.pace.about(sequences)
	if guessed == 0 {
		e.purse.rest(alone)
		return
	}
	e.purse.bet(sequences, right, e.pace.charge(sequences, guessed), alone)
}

// charge returns what a step of so many sequences and guesses is charged with. As long as few
// like it were measured that is no more than as many steps as it has tokens would take: one
// that something disturbed must not end all bets.
func (p *pace) charge(sequences, guessed int) float64 {
	tokens := sequences + guessed
	took := p.about(tokens)
	if p.isNew(tokens) {
		took = min(took, p.about(sequences)*float64(tokens)/float64(sequences))
	}
	return took
}

// doubt forgets steps of more than so many tokens that were measured a few times only, since
// no bet seems to win by them: those measures may have been disturbed.
func (p *pace) doubt(tokens int) {
	for n := tokens + 1; n < len(p.decode); n++ {
		if p.isNew(n) {
			p.decode[n].count = 0
		}
	}
}

// isNew says whether few steps of so many tokens were measured.
func (p *pace) isNew(tokens int) bool {
	return tokens >= len(p.decode) || p.decode[tokens].count < plainSteps
}
