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
	part [partSize]byte      // of a row: little enough to stay in the first cache
}

// partSize is how many bytes of a row are hashed at a time.
const partSize = 8 << 10

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
	c.h.Write(binary.LittleEndian.AppendUint32(c.part[:0], id))
	for len(logits) > 0 {
		n := min(len(logits), partSize/4)
		encode(c.part[:4*n], logits[:n])
		c.h.Write(c.part[:4*n])
		logits = logits[n:]
	}
	var sum [sha256.Size]byte
	c.h.Sum(sum[:0])
	if c.sums = append(c.sums, sum); len(c.sums)%Every == 0 {
		c.next()
	}
}

// encode writes logits as the chain has them: little-endian, any NaN as the one.
//
//	b [4*n]   logits [n]
func encode(b []byte, logits []float32) {
	for ; len(logits) >= 2 && len(b) >= 8; b, logits = b[8:], logits[2:] {
		low, high := math.Float32bits(logits[0]), math.Float32bits(logits[1])
		if logits[0] != logits[0] {
			low = canonicalNaN
		}
		if logits[1] != logits[1] {
			high = canonicalNaN
		}
		binary.LittleEndian.PutUint64(b, uint64(high)<<32|uint64(low))
	}
	if len(logits) > 0 {
		low := math.Float32bits(logits[0])
		if logits[0] != logits[0] {
			low = canonicalNaN
		}
		binary.LittleEndian.PutUint32(b, low)
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
