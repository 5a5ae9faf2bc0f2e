// Package output reads what a model wrote: reasoning, an answer, calls of tools.
//
// The way of a text, chunk by chunk:
//
//	Parser.Write   parser.go    cuts chunks into whole characters and splits off the
//	                            reasoning, which ends at the first </think>
//	machine.read   machine.go   hands the rest, one character at a time, to a state;
//	                            a state is a function that reads one thing
//	readText       text.go      the state between calls: content, and the markers that
//	                            begin and end calls
//	format.begin   FORMAT.go    the first state of a call, one file for each way to
//	                            write calls: deepseek, dsml, kimi, glm, hermes, llama,
//	                            qwenxml, minimax, granite, mistral, gemma, pythonic;
//	                            harmony with messages of its own
//	               call.go      what all calls share: name, start, end
//	               arguments.go arguments as JSON      object.go  a whole call as JSON
//	               param.go     arguments as tags      schema.go  their types
//	               builder.go   JSON of values that are written otherwise
//	deltas         delta.go     what became certain, in order, as Write returns it
//	Collector      output.go    adds it up to an Output
//
// While a text is inside reasoning the same machine reads it, for a call that begins
// there counts if the reasoning is never closed. A format is added as one file and
// one line in the list of formats (format.go).
package output
