// Package demo is the small demonstration of what reinforcement learning does: a dense model of
// 0.86 million parameters begins with random weights, learns Countdown with three numbers in two
// manners (short guesses, a few long searches), and comes to think by GRPO on outcomes alone:
// accuracy and length of its answers rise together.
//
// Everything is drawn from a seed, so that the same seed gives the same model on any machine.
// Multisets of numbers that task.HeldOut names are never trained on.
package demo
