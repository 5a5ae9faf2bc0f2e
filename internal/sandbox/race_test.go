//go:build race

package sandbox

// raced says that the race detector watches this program. Its memory of all memory is more
// than a box gives a program.
const raced = true
