//go:build !race

package tokenizer

const withRace = false
