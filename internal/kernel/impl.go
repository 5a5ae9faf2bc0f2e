package kernel

import (
	"errors"
	"fmt"
	"strings"
)

// Impl names an implementation of the operations.
type Impl uint8

// The implementations. A machine has some of them; Portable is everywhere.
const (
	Portable Impl = iota
	AVX2          // 256-bit registers, fma, f16c
	AVX512        // 512-bit registers, byte and word instructions, VNNI
	AMX           // and tiles of bytes
	numImpls
)

var implNames = [numImpls]string{"portable", "avx2", "avx512", "amx"}

// known lists the names that --cpu accepts, whether this build has them or not.
var known = []string{"portable", "avx2", "avxvnni", "avx512", "amx", "neon", "dotprod", "i8mm"}

// Errors of Use.
var (
	ErrUnknownImpl = errors.New("no such implementation")
	ErrNoImpl      = errors.New("this machine or this build lacks the implementation")
)

func (i Impl) String() string { return implNames[i] }

// impl is the implementation in use. It is set before the first operation and by
// tests; it is never changed while an operation runs.
var impl = Best()

// Current returns the implementation in use.
func Current() Impl { return impl }

// Best returns the fastest implementation that this machine has.
func Best() Impl {
	have := Implementations()
	return have[len(have)-1]
}

// Implementations returns what this machine and this build have, slowest first.
func Implementations() []Impl {
	list := []Impl{Portable}
	for i := Portable + 1; i < numImpls; i++ {
		if hasImpl(i) {
			list = append(list, i)
		}
	}
	return list
}

// Use selects an implementation by name. The error wraps ErrUnknownImpl for a
// name that is none and ErrNoImpl for one that this machine or build lacks.
func Use(name string) error {
	for _, i := range Implementations() {
		if i.String() == name {
			impl = i
			return nil
		}
	}
	names := make([]string, 0, numImpls)
	for _, i := range Implementations() {
		names = append(names, i.String())
	}
	for _, k := range known {
		if k == name {
			return fmt.Errorf("kernel: implementation %s: %w; it has %s", name, ErrNoImpl, strings.Join(names, " "))
		}
	}
	return fmt.Errorf("kernel: implementation %q: %w; known are %s", name, ErrUnknownImpl, strings.Join(known, " "))
}

// UseImpl selects an implementation that Implementations lists.
func UseImpl(i Impl) { impl = i }
