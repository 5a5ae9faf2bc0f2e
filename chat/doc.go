// Package chat turns conversations into the prompts that models were trained on.
//
// Models are published with a chat template, a program that package jinja runs.
// Files without one get the built-in template of their release, see Builtin: a
// published one of builtin/, or for DeepSeek-V3.2, which publishes a program, an
// encoder of our own (deepseek32.go) that takes and refuses the same.
//
// What a model answers is read by package chat/output.
package chat
