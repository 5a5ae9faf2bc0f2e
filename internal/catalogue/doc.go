// Package catalogue knows models by the names that people say, such as
// deepseek-r1:1.5b: where each comes from, how large it is, under which licence, what it is
// good at. One catalogue is in the program; a file of the same form takes its place
// (docs/CATALOGUE.md).
//
// What is in the program was confirmed in public sources, which each model names. A fact
// that could not be confirmed is left out, which is its zero value here.
package catalogue
