package blitz

// Guide says what may come next in one answer: a grammar, a budget. The engine's own
// goroutine calls it, so that it is never ahead of the tokens that were taken, and a
// slow one holds up every answer; it belongs to one answer and is not used again. The
// methods come in this order: Begin once; then, before each draw, Forced until it
// returns none, and Mask; and Accept with every token of the answer.
//
// A stop text is found by the reader of an answer, so an engine may have gone on behind
// it a little; a Guide is told those tokens too.
//
// The Guides of a request hold together: a token must pass all of them, and tokens
// are forced by the first that has any. The budget of Think comes before them.
type Guide interface {
	// Begin is told the tokens of the prompt, which it does not keep.
	Begin(prompt []int32) error
	// Forced returns the tokens that come next without being drawn. It returns none
	// where the next is drawn.
	Forced() []int32
	// Mask takes the tokens that must not be drawn next out of a set: token id is bit
	// id%64 of word id/64, and words there are for the whole vocabulary. Only bits that
	// are set may be cleared. It says whether it cleared any. An answer that must end
	// here is left the model's StopTokens.
	Mask(mask []uint64) (narrowed bool)
	// Accept is told the next token of the answer, be it drawn, or forced by whichever
	// Guide. An error ends the answer.
	Accept(id int32) error
}
