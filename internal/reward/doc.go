// Package reward says what the completions of a model are worth: for reinforcement learning,
// and for whoever wants to know before it begins.
//
// A Reward (config.go) is a function with a weight, as a run's TOML names it; a Scorer
// (scorer.go) has all of a run's, and gives each sample the weighted sum of what they say.
// A function may say nothing of a sample: it is left out of the sum then, and where all say
// nothing the sample has no reward and counts as if it had never been drawn.
//
// What a model wrote is hostile, and so is what a program of a user's says of it. Functions
// of this package take time that is linear in a completion. Programs run in package sandbox:
// a command over an answer's code (command.go), one that is asked a line at a time
// (program.go), and Starlark (script.go), which is such a program, too, so that its memory
// is bounded. Where the system cannot confine them they are refused.
package reward
