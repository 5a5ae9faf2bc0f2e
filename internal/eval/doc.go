// Package eval measures models: answers to problems that can be checked, and how well texts
// are predicted. What is measured is written down part by part (Log), so that a measurement
// that was interrupted goes on to the same result; a Report is made of a log alone, and so is
// a Comparison of two.
package eval
