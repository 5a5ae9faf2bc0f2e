// Package grammar says which tokens may come next, so that what a model writes matches
// a grammar: a JSON Schema, a GBNF grammar, a regular expression, a choice of texts, or
// rules that a program puts together.
//
// The way of a grammar:
//
//	Expr, Rules    expr.go       what a text has to look like: the intermediate form, which
//	                             all fronts (GBNF, Regex, Choice, JSON, Schema) write
//	Compile                      makes an automaton over bytes of it, a Grammar
//	NewVocabulary                makes a trie of a model's tokens, once for each model
//	Grammar.Guide                is the state of one answer: which tokens may come next
//
// A Grammar and a Vocabulary are immutable to their users and may be shared between
// goroutines; a Guide belongs to one answer.
//
// Grammars are hostile until compiled: size, nesting, states and steps are bounded
// (Limits), in numbers that do not depend on the machine.
package grammar
