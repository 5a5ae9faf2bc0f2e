// Package chat turns conversations into prompts and, on the way back, what a
// model wrote into reasoning, content and tool calls.
//
// Models are published with a chat template, a small program in the language
// of Jinja. Template runs such programs with the results that the reference
// gives: jinja2 3.1 in its immutable sandbox, set up as Hugging Face
// transformers does (trim_blocks, lstrip_blocks, loop controls, the generation
// tag, raise_exception, strftime_now, and a tojson that writes plain JSON).
// Values follow Python: integers and floats are apart, dicts keep their order,
// strings are sequences of code points, and what Python refuses is an error.
//
// A template comes with a model file and is not trusted. It reaches nothing
// but its variables and the time of day, and it runs under Limits.
//
// Files without a template get the built-in one of their release, see Builtin:
// a published template of builtin/, or for DeepSeek-V3.2, which publishes a program,
// an encoder of our own (deepseek32.go) that takes and refuses the same.
//
// The way of a template: lexer.go cuts the source into tokens, syntax.go builds
// the tree of ast.go, bind.go gives every variable its slot by the scoping
// rules, and exec.go and eval.go walk the tree.
package chat
