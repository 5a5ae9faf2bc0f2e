package kernel

import (
	"fmt"
	"slices"
)

// Tuning is how a product with one vector reads its matrix. It decides how fast memory is
// read, and no bit depends on it.
type Tuning struct {
	Blocks int    `json:"row_blocks"`  // that are read at once, where a format has a routine for that: 1 or 4
	Fetch  string `json:"prefetch"`    // the cache that lines are asked for into: FetchNear or FetchFar
	Ahead  int    `json:"bytes_ahead"` // how far before their use, where one row block is read at a time
}

// The caches that lines are asked for into: the first, or the second, for processors whose
// first one cannot wait for as many lines as memory has on the way.
const (
	FetchNear = "first cache"
	FetchFar  = "second cache"
)

func (t Tuning) String() string {
	if t.Blocks > 1 {
		return fmt.Sprintf("%d row blocks, others %d bytes ahead", t.Blocks, t.Ahead)
	}
	return fmt.Sprintf("%s, %d bytes ahead", t.Fetch, t.Ahead)
}

// aheadBytes is how far ahead lines are asked for where nothing else is known, and where
// only one way was measured.
const aheadBytes = 4096

// tunings are the ways to read that an implementation has, the first one for processors of
// which nothing is known. Portable has one alone.
func tunings(i Impl) []Tuning {
	near, far := Tuning{1, FetchNear, aheadBytes}, Tuning{1, FetchFar, aheadBytes}
	switch {
	case i == AVX2:
		// Formats that are not read four row blocks at a time go by the rest of it.
		list := []Tuning{{4, FetchNear, aheadBytes}, {4, FetchNear, 1024}}
		for _, fetch := range []string{FetchNear, FetchFar} {
			for _, ahead := range []int{0, 1024, aheadBytes, 8192} {
				list = append(list, Tuning{1, fetch, ahead})
			}
		}
		return list
	case i >= AVX512 && i <= AMX:
		return []Tuning{near, far} // their routines have the distance in them
	}
	return []Tuning{near}
}

// tuned is what was measured (blitz bench --tune), by maker and family of the processor. What
// was measured of one model holds for its family until another one shows otherwise.
var tuned = []struct {
	vendor   string
	families []int
	impl     Impl
	Tuning
	measured string
}{
	{"AuthenticAMD", []int{0x17}, AVX2, Tuning{4, FetchNear, 1024}, "Zen 2, two cores: 1.0 to 1.35 × of the best with one row block; for the others 1,024 bytes 1.04 × of 4,096"},
	{"AuthenticAMD", []int{0x19}, AVX2, Tuning{4, FetchNear, aheadBytes}, "Zen 3, two cores: 1.0 to 1.4 × of one row block"},
	{"AuthenticAMD", []int{0x19, 0x1a}, AVX512, Tuning{1, FetchFar, aheadBytes}, "Zen 4, two cores: 22 tokens/s, and 25 to 28"},
	{"GenuineIntel", []int{6}, AVX512, Tuning{1, FetchNear, aheadBytes}, "Xeon, two cores: the second cache gains nothing and loses where the last one holds the model"},
}

// ways are how each implementation reads. They are set by measurements and tests, while
// nothing is computed.
var ways = func() (all [numImpls]Tuning) {
	for i := range all {
		all[i], _ = tuningFor(Impl(i))
	}
	return all
}()

// Tunings returns the ways to read that the implementation in use has.
func Tunings() []Tuning { return tunings(impl) }

// CurrentTuning returns the way that is used, and where it is known from; "" where nothing was
// measured for processors like this one.
func CurrentTuning() (t Tuning, measured string) {
	_, measured = tuningFor(impl)
	return ways[impl], measured
}

// UseTuning has products with one vector read in a way of Tunings. No product may run
// meanwhile.
func UseTuning(t Tuning) {
	if !slices.Contains(Tunings(), t) {
		panic(fmt.Sprintf("kernel: %s has no way to read like %+v", impl, t))
	}
	ways[impl] = t
}

// tuningFor returns what is best for an implementation on this processor.
func tuningFor(i Impl) (t Tuning, measured string) {
	vendor, family, _ := processor()
	like := i
	if like > AVX512 && like <= AMX {
		like = AVX512 // whose routines it runs
	}
	for _, x := range tuned {
		if x.vendor == vendor && slices.Contains(x.families, family) && x.impl == like {
			return x.Tuning, x.measured
		}
	}
	return tunings(i)[0], ""
}
