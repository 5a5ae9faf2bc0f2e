//go:build armbe || arm64be || m68k || mips || mips64 || mips64p32 || ppc || ppc64 || s390 || s390x || shbe || sparc || sparc64

package kernel

// Packed weights, caches and files are little endian in memory, and are read in words.
// A big-endian machine would compute other numbers without a word, so that the program
// is not built for one: this name is defined nowhere.
const _ = blitz_needs_a_little_endian_machine
