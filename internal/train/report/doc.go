// Package report makes of what a run of reinforcement learning wrote down one page of HTML: what
// came of it, how it went, what it cost, where answers look back, and answers to read. It is whole
// in itself (no scripts, nothing from elsewhere), at most MaxPage bytes, and what models and users
// wrote is text in it, whatever it says.
//
//	Read    the folder of a run: run.toml, metrics.jsonl, eval.jsonl, samples.jsonl
//	Page    the page of it
//	Write   both, as report.html
package report

import "errors"

// ErrRun says that a folder has no run that a page can be made of.
var ErrRun = errors.New("no run of reinforcement learning")
