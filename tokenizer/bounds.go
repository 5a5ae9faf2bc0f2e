package tokenizer

// Bounds are what a text may still ask for on its way through a tokenizer, however
// its file was made.
type bounds struct {
	size  int // the most bytes that it may become
	steps int // of patterns without a hand-written scanner
}

// The steps of a text: so many, and so many for each byte of it. Real patterns take
// some ten for a byte. They are counted, so that no machine and no load of it makes
// a difference.
const (
	textSteps = 50_000_000
	byteSteps = 100
)

func newBounds(n int) bounds {
	return bounds{size: maxGrown(n), steps: textSteps + byteSteps*n}
}

// maxGrown is how long a text of n bytes may become on its way. Real steps make
// three bytes of one, and more of few; those of a hostile file could double a text
// again and again.
func maxGrown(n int) int { return min(4*n+1<<20, MaxText) }
