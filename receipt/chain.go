package receipt

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
)

// Chain sums up the rows of logits that the tokens of an answer were drawn from, in
// blocks of Every, so that an answer that is computed again shows where other logits came
// first. One goroutine uses it.
type Chain struct {
	h    hash.Hash
	sums [][sha256.Size]byte // behind each token: of its block so far
	row  []byte
}

// canonicalNaN is the one NaN of digests (docs/CANON.md).
const canonicalNaN = 0x7fc00000

// NewChain begins a chain. The salt is that of the prompt.
func NewChain(salt Salt) *Chain {
	c := &Chain{h: sha256.New()}
	c.h.Write([]byte(Format + " chain\n"))
	c.h.Write(salt[:])
	c.next()
	return c
}

// next begins a block.
func (c *Chain) next() {
	sum := c.h.Sum(nil)
	c.h.Reset()
	c.h.Write(sum)
}

// Add adds a token and the logits that it was drawn from: [V], raw, before penalties,
// bias and masks.
func (c *Chain) Add(id uint32, logits []float32) {
	if len(c.row) != 4+4*len(logits) {
		c.row = make([]byte, 4+4*len(logits))
	}
	binary.LittleEndian.PutUint32(c.row, id)
	for i, v := range logits {
		bits := math.Float32bits(v)
		if v != v {
			bits = canonicalNaN
		}
		binary.LittleEndian.PutUint32(c.row[4+4*i:], bits)
	}
	c.h.Write(c.row)
	var sum [sha256.Size]byte
	c.h.Sum(sum[:0])
	if c.sums = append(c.sums, sum); len(c.sums)%Every == 0 {
		c.next()
	}
}

// Len returns how many tokens the chain has.
func (c *Chain) Len() int { return len(c.sums) }

// Hashes returns the sums of the blocks of the first n tokens.
func (c *Chain) Hashes(n int) []string {
	hashes := []string{}
	for from := 0; from < n; from += Every {
		hashes = append(hashes, digits(c.sums[min(from+Every, n)-1]))
	}
	return hashes
}
