package model

import (
	"fmt"

	"github.com/blitz-r1/blitz/gguf"
)

// keys reads the metadata of a GGUF file under its architecture's name, and keeps
// the first error.
type keys struct {
	f    *gguf.File
	arch string
	// layerSizes says that lists may have different values: count gives the first.
	layerSizes bool
	err        error
}

func (k *keys) name(key string) string { return k.arch + "." + key }

func (k *keys) fail(key, want string) {
	if k.err == nil {
		k.err = fmt.Errorf("%w: %w", k.f.KeyError(key, want), ErrConfig)
	}
}

// count returns an integer from min to max; def where the key is absent, an error
// where def is below min. A list with one value a layer gives its first one, if
// all are the same.
func (k *keys) count(key string, def, min, max int) int {
	name := k.name(key)
	want := fmt.Sprintf("an integer from %d to %d", min, max)
	if !k.f.Has(name) {
		if def < min {
			k.fail(name, want)
			return min
		}
		return def
	}
	x, ok := k.f.Uint(name)
	if list, isList := k.f.Ints(name); isList && len(list) > 0 {
		for _, v := range list {
			if v != list[0] && !k.layerSizes {
				k.fail(name, "the same number for every layer")
			}
		}
		x, ok = uint64(list[0]), list[0] >= 0
	}
	if !ok || x < uint64(min) || x > uint64(max) {
		k.fail(name, want)
		return min
	}
	return int(x)
}

// eachLayer returns a size of each layer, which may stand there once for all.
func (k *keys) eachLayer(key string, layers int) []int {
	sizes := make([]int, layers)
	n := k.count(key, 0, 1, maxWidth)
	list, isList := k.f.Ints(k.name(key))
	if isList && len(list) != layers {
		k.fail(k.name(key), fmt.Sprintf("%d numbers, one a layer", layers))
	}
	for i := range sizes {
		if sizes[i] = n; isList && k.err == nil {
			if list[i] < 1 || list[i] > maxWidth {
				k.fail(k.name(key), fmt.Sprintf("integers from 1 to %d", maxWidth))
				return sizes
			}
			sizes[i] = int(list[i])
		}
	}
	return sizes
}

// hasTensor says whether the file has a tensor.
func (k *keys) hasTensor(name string) bool {
	_, ok := k.f.Tensor(name)
	return ok
}

func (k *keys) number(key string, def float64) float64 {
	name := k.name(key)
	if !k.f.Has(name) {
		return def
	}
	x, ok := k.f.Float(name)
	if !ok {
		if n, isInt := k.f.Int(name); isInt {
			return float64(n)
		}
		k.fail(name, "a number")
		return def
	}
	return x
}

func (k *keys) bool(key string, def bool) bool {
	name := k.name(key)
	if !k.f.Has(name) {
		return def
	}
	x, ok := k.f.Bool(name)
	if !ok {
		k.fail(name, "a bool")
	}
	return x
}

func (k *keys) text(key, def string) string {
	name := k.name(key)
	if !k.f.Has(name) {
		return def
	}
	x, ok := k.f.String(name)
	if !ok {
		k.fail(name, "a string")
	}
	return x
}
