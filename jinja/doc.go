// Package jinja runs chat templates, small programs in the language of Jinja that
// models are published with.
//
// It gives the results of the reference: jinja2 3.1 in its immutable sandbox, set
// up as Hugging Face transformers does (trim_blocks, lstrip_blocks, loop controls,
// the generation tag, raise_exception, strftime_now, and a tojson that writes plain
// JSON). Values follow Python: integers and floats are apart, dicts keep their
// order, strings are sequences of code points, and what Python refuses is an error.
//
// What no published chat template uses is refused by name, with ErrRefused: filters
// for web pages and for people (pprint, urlize, wordwrap, xmlattr …), some methods,
// other templates, chance. NewChatTemplate adds the filter from_json.
//
// A template comes with a model file and is not trusted. It reaches nothing but its
// variables and the time of day, and it runs under Limits and a context. Whatever
// looks at bytes, items or digits counts them first (limits.go), parts of strings and
// lists are copies, so that they keep nothing else alive, and no value changes once
// it is made.
//
// The way of a template: lexer.go cuts the source into tokens, syntax.go builds
// the tree of ast.go, bind.go gives every variable its slot by the scoping rules,
// and exec.go and eval.go walk the tree.
package jinja
