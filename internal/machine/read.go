package machine

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
	"unsafe"
)

// readStep is how many bytes a thread reads in one call: some 30 µs.
const readStep = 512 << 10

// pageBytes keeps streams from starting at the same place of a page.
const pageBytes = 4096

// reader is a kind of load and the routines that use it.
type reader struct {
	name       string
	streams    []stream
	prefetches bool
}

// stream reads n bytes, a positive multiple of 128, of each of count streams, the
// first at p, the next stride bytes behind it.
type stream struct {
	count int
	read  func(p *byte, stride, n, ahead int)
}

// way is one way of reading: how many streams a thread follows and how far ahead
// of its loads it prefetches, in bytes. At 0 the prefetch asks for what the next
// load does, which is as good as none.
type way struct {
	reader string
	stream stream
	ahead  int
}

func (w way) String() string {
	s := w.reader
	if w.stream.count > 1 {
		s = fmt.Sprintf("%s, %d streams a thread", s, w.stream.count)
	}
	if w.ahead > 0 {
		s = fmt.Sprintf("%s, prefetched %d bytes ahead", s, w.ahead)
	}
	return s
}

// aheads are the distances that are tried. Hardware follows a stream well from
// far; close behind the loads a prefetch keeps more lines under way.
var aheads = []int{0, 512, 1024}

// ways returns the ways to read with a kind of load.
func (r reader) ways() []way {
	var list []way
	for _, s := range r.streams {
		for _, ahead := range aheads {
			if ahead == 0 || r.prefetches {
				list = append(list, way{r.name, s, ahead})
			}
		}
	}
	return list
}

// work reads piece i on thread i, over and over.
func (w way) work(pieces [][]byte) work {
	at := make([]int, len(pieces))
	return func(thread int) float64 {
		p := pieces[thread]
		count := w.stream.count
		length := len(p) / count &^ (pageBytes - 1) // of a stream
		if count > 1 {
			length -= pageBytes
		}
		n := min(readStep/count, length)
		if at[thread]+n > length {
			at[thread] = 0
		}
		w.stream.read(&p[at[thread]], length, n, w.ahead)
		at[thread] += n
		return float64(n * count)
	}
}

// readRate returns the highest rate of reading the pieces, in bytes a second, and
// the way that reaches it: of all ways with the widest loads the best three are
// tried again, and the best of them with the other loads too.
func readRate(ctx context.Context, c *crew, pieces [][]byte, d time.Duration) (float64, way, error) {
	type result struct {
		way  way
		rate float64
	}
	var results []result
	try := func(runs int, r *result) error {
		rate, err := c.best(ctx, runs, d, r.way.work(pieces))
		r.rate = max(r.rate, rate)
		return err
	}
	all := readers()
	for _, w := range all[0].ways() {
		r := result{way: w}
		if err := try(1, &r); err != nil {
			return 0, w, err
		}
		results = append(results, r)
	}
	byRate := func(a, b result) int { return cmp.Compare(b.rate, a.rate) }
	slices.SortStableFunc(results, byRate)
	results = results[:min(3, len(results))]
	for i := range results {
		if err := try(3, &results[i]); err != nil {
			return 0, results[i].way, err
		}
	}
	slices.SortStableFunc(results, byRate)
	for _, other := range all[1:] {
		for _, w := range other.ways() {
			if w.stream.count == results[0].way.stream.count && w.ahead == results[0].way.ahead {
				results = append(results, result{way: w})
				if err := try(2, &results[len(results)-1]); err != nil {
					return 0, w, err
				}
			}
		}
	}
	slices.SortStableFunc(results, byRate)
	return results[0].rate, results[0].way, nil
}

// touch writes to every line of the pieces, so that the system backs them with
// memory of its own, and with lines that differ. Threads write what they will
// read, so that it lies near them. It returns pieces cut to what was written by
// the deadline: a virtual machine may have to be given its memory first.
func touch(ctx context.Context, c *crew, pieces [][]byte, deadline time.Time) [][]byte {
	const step, line = 1 << 20, 64
	written := make([]int, len(pieces))
	c.run(func(thread int) {
		p, n := pieces[thread], 0
		for n < len(p) && ctx.Err() == nil && (n == 0 || time.Now().Before(deadline)) {
			end := min(n+step, len(p))
			for ; n+line <= end; n += line {
				binary.LittleEndian.PutUint64(p[n:], uint64(n)*0x9e3779b97f4a7c15+uint64(thread))
			}
			n = end
		}
		written[thread] = n
	})
	cut := make([][]byte, len(pieces))
	for i, p := range pieces {
		cut[i] = p[:slices.Min(written)]
	}
	return cut
}

// portableReader reads with Go's own loads, without prefetch.
var portableReader = reader{"portable Go", []stream{{1, read1Generic}, {4, read4Generic}}, false}

// words returns n bytes at p as words.
func words(p *byte, n int) []uint64 { return unsafe.Slice((*uint64)(unsafe.Pointer(p)), n/8) }

// read1Generic and read4Generic are streams. The sums keep the compiler from
// leaving the loads out.
func read1Generic(p *byte, _, n, _ int) {
	var a, b, c, d uint64
	for w := words(p, n); len(w) >= 8; w = w[8:] {
		a += w[0] + w[4]
		b += w[1] + w[5]
		c += w[2] + w[6]
		d += w[3] + w[7]
	}
	keep(a + b + c + d)
}

func read4Generic(p *byte, stride, n, _ int) {
	at := func(i int) []uint64 { return words((*byte)(unsafe.Add(unsafe.Pointer(p), i*stride)), n) }
	w, x, y, z := at(0), at(1), at(2), at(3)
	var a, b, c, d uint64
	for len(w) >= 8 && len(x) >= 8 && len(y) >= 8 && len(z) >= 8 {
		a += w[0] + w[1] + w[2] + w[3] + w[4] + w[5] + w[6] + w[7]
		b += x[0] + x[1] + x[2] + x[3] + x[4] + x[5] + x[6] + x[7]
		c += y[0] + y[1] + y[2] + y[3] + y[4] + y[5] + y[6] + y[7]
		d += z[0] + z[1] + z[2] + z[3] + z[4] + z[5] + z[6] + z[7]
		w, x, y, z = w[8:], x[8:], y[8:], z[8:]
	}
	keep(a + b + c + d)
}
