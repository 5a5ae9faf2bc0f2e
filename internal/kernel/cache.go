package kernel

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// PagePositions is the number of positions of a cache page: one split of
// attention (CANON section 6).
const PagePositions = 256

// CacheLayout is the version of what the bytes of a page of keys and values mean: pages of
// another one, on disk, are not read.
const CacheLayout = 2

// valueGroup is the number of dimensions that share a scale in cached values and
// in the latent rows of MLA.
const valueGroup = 128

// CacheKind is how keys and values are stored.
type CacheKind uint8

// The kinds of cache.
const (
	CacheF32 CacheKind = iota
	CacheF16
	CacheBF16
	CacheQ8
)

var cacheKinds = [...]string{"f32", "f16", "bf16", "q8"}

func (k CacheKind) String() string { return cacheKinds[k] }

// ParseCacheKind returns the kind of that name.
func ParseCacheKind(name string) (CacheKind, error) {
	for i, n := range cacheKinds {
		if n == name {
			return CacheKind(i), nil
		}
	}
	return 0, fmt.Errorf("kernel: cache kind %q, want f32, f16, bf16 or q8", name)
}

func (k CacheKind) float() tensor.DType {
	return [...]tensor.DType{tensor.F32, tensor.F16, tensor.BF16}[k]
}

// A page of one head's keys is a packed matrix whose rows are positions: [256,
// dim]. A page of values is one whose rows are dimensions: [dim, 256]. So scores
// and weighted sums are the products of product.go.

// KeyBytes returns the bytes of a page of one head's keys of that many elements.
func (k CacheKind) KeyBytes(dim int) int {
	m := k.keys(nil, dim)
	return roundUp(m.Bytes(), 64)
}

// keys returns a page of keys as a matrix.
func (k CacheKind) keys(page []byte, dim int) Matrix {
	var m Matrix
	if k == CacheQ8 {
		m = NewMatrix(PagePositions, WholeGroups(dim), Format{Layout: Bits8, Scales: ScalesF16, Block: Group}, nil)
	} else {
		m = NewFloatMatrix(PagePositions, dim, k.float(), nil)
	}
	m.Data = page
	return m
}

// ValueBytes returns the bytes of a page of one head's values.
func (k CacheKind) ValueBytes(dim int) int {
	m := k.values(nil, dim)
	n := m.Bytes()
	if k == CacheQ8 { // a float16 scale for each position and group of dimensions
		n += (dim + valueGroup - 1) / valueGroup * PagePositions * 2
	}
	return roundUp(n, 64)
}

// values returns a page of values as a matrix.
func (k CacheKind) values(page []byte, dim int) Matrix {
	var m Matrix
	if k == CacheQ8 {
		m = NewMatrix(dim, PagePositions, Format{Layout: Bits8, Scales: ScalesOne, Block: Group}, nil)
	} else {
		m = NewFloatMatrix(dim, PagePositions, k.float(), nil)
	}
	m.Data = page
	return m
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// StoreKey stores a key at position slot of a page. The first latent elements
// share scales in groups of 128, the others in groups of 32.
//
//	key [dim], dim = len(key); page KeyBytes(dim)
//
// Bytes behind the page are left alone.
func (k CacheKind) StoreKey(page []byte, slot int, key []float32, latent int) {
	m := k.keys(page, len(key))
	block, lane := m.block(slot/RowBlock), slot%RowBlock
	if k != CacheQ8 {
		for d, v := range key {
			k.put(block, d*RowBlock+lane, v)
		}
		return
	}
	var q [valueGroup]int8
	for d := 0; d < len(key); {
		n := keyGroup(d, latent, len(key))
		scale := quant.F32ToF16(quantiseGroup(q[:n], key[d:d+n]))
		clear(q[n:WholeGroups(n)])
		for g := 0; g < n; g += Group {
			group := (d + g) / Group
			dst := block[group*tileBytes+4*lane:]
			for s := range Group / 4 {
				w := q[g+4*s : g+4*s+4]
				binary.LittleEndian.PutUint32(dst[64*s:], bias(w[0], w[1], w[2], w[3]))
			}
			binary.LittleEndian.PutUint16(block[m.reg.d+2*(group*RowBlock+lane):], scale)
		}
		d += n
	}
}

// keyGroup returns how many elements of a key share a scale with element d, the first of
// them; see StoreKey.
func keyGroup(d, latent, dim int) int {
	n := Group
	if d < latent {
		n = min(valueGroup, latent-d)
	}
	return min(n, dim-d)
}

// bias returns four integers as bytes 128 above.
func bias(a, b, c, d int8) uint32 {
	return (uint32(uint8(a)) | uint32(uint8(b))<<8 | uint32(uint8(c))<<16 | uint32(uint8(d))<<24) ^ 0x80808080
}

// StoreValue stores a value at position slot of a page.
//
//	value [dim]; page ValueBytes(dim)
func (k CacheKind) StoreValue(page []byte, slot int, value []float32) {
	m := k.values(page, len(value))
	if k != CacheQ8 {
		for d := 0; d < len(value); d += RowBlock {
			block := m.block(d / RowBlock)
			for i, v := range value[d:min(d+RowBlock, len(value))] {
				k.put(block, slot*RowBlock+i, v)
			}
		}
		return
	}
	var q [valueGroup]int8
	at := slot/Group*tileBytes + slot%Group/4*64 + slot%4
	for d := 0; d < len(value); d += valueGroup {
		n := min(valueGroup, len(value)-d)
		scale := quantiseGroup(q[:n], value[d:d+n])
		binary.LittleEndian.PutUint16(page[m.Bytes()+2*(d/valueGroup*PagePositions+slot):], quant.F32ToF16(scale))
		for i := 0; i < n; i += RowBlock {
			dst := m.block((d + i) / RowBlock)[at:]
			for lane, v := range q[i:min(i+RowBlock, n)] {
				dst[4*lane] = uint8(v) ^ 0x80
			}
		}
	}
}

// put stores a float at index i of a block.
func (k CacheKind) put(block []byte, i int, v float32) {
	switch k {
	case CacheF32:
		binary.LittleEndian.PutUint32(block[4*i:], math.Float32bits(v))
	case CacheF16:
		binary.LittleEndian.PutUint16(block[2*i:], quant.F32ToF16(v))
	case CacheBF16:
		binary.LittleEndian.PutUint16(block[2*i:], quant.F32ToBF16(v))
	}
}
