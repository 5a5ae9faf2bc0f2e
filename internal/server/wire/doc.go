// Package wire is what the dialects of the server have in common on the wire: JSON
// that is read once and strictly, errors with a kind and a parameter, and the two
// forms of a stream, server-sent events and lines of JSON.
//
// A body is read whole, within a bound, and checked in one pass (Parse): one object,
// no key twice, no more than MaxDepth levels, only UTF-8, only numbers that JSON has.
// What a dialect then takes out of it is checked as it is taken: Object collects the
// first thing that is wrong with its path (messages[2].role), so that a dialect reads
// like a list of its fields and looks for an error once.
//
//	o, err := wire.Parse(body)
//	…
//	r.Model = o.Text("model")
//	r.Temperature = o.Number("temperature", 0, 2)
//	if err := o.Err(); err != nil { … }
//
// A field that is absent or null is not there. Unknown fields are passed over.
package wire
