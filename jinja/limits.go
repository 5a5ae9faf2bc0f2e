package jinja

import (
	"context"
	"math"
	"math/big"
)

// Limits bound one rendering. A rendering that reaches one fails with ErrLimit.
type Limits struct {
	// Steps is the work allowed: one for every part of an expression that is
	// evaluated, and one for every 32 bytes that are moved or compared, every 4 that
	// are looked at one by one, and every byte or so of text beyond ASCII that is
	// looked up in the tables of Unicode.
	Steps int64

	// Memory is the size of all values alive at one time, in bytes, the
	// variables of the caller not counted.
	Memory int64

	// Output is the length of the text, and of any one string, in bytes.
	Output int64

	// Depth bounds how deep macros and recursive loops call each other, and how
	// deep values may be nested to be printed, compared or written as JSON.
	Depth int
}

// DefaultLimits are ample for conversations of a million tokens and stop a
// hostile template in about a second.
var DefaultLimits = Limits{
	Steps:  60_000_000,
	Memory: 128 << 20,
	Output: 16 << 20,
	Depth:  200,
}

// Bounds on the template itself. Published templates stay far below.
const (
	maxSource  = 1 << 20 // bytes
	maxNesting = 100     // statements inside one another
	maxHeight  = 400     // levels of one expression
	maxRange   = 100_000 // numbers in a range, as in the reference
	maxIntBits = 1 << 14 // size of an int: 4932 digits
	maxDigits  = 4300    // decimal digits of an int that can be printed or read, as in Python
	maxPadding = 1 << 16 // width or precision of a format
	maxArgs    = 1000    // parameters of a macro, and names in a call
	maxPath    = 1000    // attributes of an attribute, as filters take them
	maxScoped  = 100_000 // variables of all scoped blocks together
)

// What work costs. A step takes some 35 ns; TestWork holds that what is counted as
// one does not take much longer anywhere.
const (
	bytesAtStep = 32     // how many bytes cost one step
	runesAtStep = 4      // how many bytes cost one step where characters count
	wordsAtStep = 8      // how many products of words of large ints cost one step
	callSteps   = 12     // a call, with its arguments and the value or error it makes
	faultSteps  = 24     // an error that is caught
	powerSteps  = 256    // a power of floats
	quietSteps  = 16_384 // the most between two looks at the context
)

// What values cost, in bytes.
const (
	itemCost = 16 // of a list or tuple
	headCost = 48 // any value with a head of its own
	dictCost = 64 // a key and its value
)

var (
	errSteps  = faultf(faultLimit, "the template does too much work")
	errMemory = faultf(faultLimit, "the template uses too much memory")
	errOutput = faultf(faultLimit, "the text grows too long")
	errDepth  = faultf(faultLimit, "calls or values are nested too deep")
	errBigInt = faultf(faultLimit, "an integer grows too large")
)

// intBytes is what an int takes, in bytes.
func intBytes(i *big.Int) int { return headCost + i.BitLen()/8 }

// step counts one evaluation.
func (r *rendering) step() error {
	if r.steps--; r.steps < r.next {
		return r.pause()
	}
	return nil
}

// count counts so many steps.
func (r *rendering) count(steps int) error {
	if r.steps -= int64(steps); r.steps < r.next {
		return r.pause()
	}
	return nil
}

// pause looks whether the rendering may go on. An error that it returned once it
// returns ever after.
func (r *rendering) pause() error {
	if r.steps < 0 {
		return errSteps
	}
	if r.ctx.Err() != nil {
		r.next = math.MaxInt64
		return context.Cause(r.ctx)
	}
	r.next = max(0, r.steps-quietSteps)
	return nil
}

// work counts looking at n bytes or items.
func (r *rendering) work(n int) error { return r.count(n/bytesAtStep + 1) }

// scan counts looking at the characters in n bytes one by one.
func (r *rendering) scan(n int) error { return r.count(n/runesAtStep + 1) }

// tables counts looking up the characters of s in the tables of Unicode.
func (r *rendering) tables(s string) error {
	if isASCII(s) {
		return r.scan(len(s))
	}
	return r.count(2*len(s) + 1)
}

// words is the size of an int.
func words(i *big.Int) int { return (i.BitLen() + 63) / 64 }

// products counts multiplying, dividing or printing ints of so many words.
func (r *rendering) products(x, y int) error { return r.count(x*y/wordsAtStep + x + y + 1) }

// spend counts a new value of n bytes. Nothing is allocated before its size
// was counted here, so memory stays below the limit.
func (r *rendering) spend(n int) error {
	if n < 0 || r.used+int64(n) > r.limits.Memory {
		return errMemory
	}
	r.used += int64(n)
	return r.work(n)
}

// spendText counts a new string of n bytes.
func (r *rendering) spendText(n int) error {
	if int64(n) > r.limits.Output {
		return errOutput
	}
	return r.spend(n + itemCost)
}
