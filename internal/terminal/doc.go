// Package terminal reads lines from a terminal as people type them: with editing,
// history, search, lines of several lines, pastes, and characters of any width.
//
// A Terminal puts the terminal into raw mode and reads it all the time, so that
// what is typed while something else is printed waits for the next line, and an
// interrupt is noticed at once. What keys mean is in decode.go, what they do to a
// line in editor.go and line.go, how a line looks in layout.go and screen.go; of
// these only screen.go writes, so that all but the last step is tested without a
// terminal.
package terminal
