//go:build race

package tokenizer

// withRace says that the race detector is on, under which pools forget at random.
const withRace = true
