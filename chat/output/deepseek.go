package output

// Tokens of DeepSeek's vocabulary, from V2.5 to V3.1.
const (
	deepseekCallsBegin = "<｜tool▁calls▁begin｜>"
	deepseekCallBegin  = "<｜tool▁call▁begin｜>"
	deepseekSep        = "<｜tool▁sep｜>"
	deepseekCallEnd    = "<｜tool▁call▁end｜>"
	deepseekCallsEnd   = "<｜tool▁calls▁end｜>"
)

// outputDeepSeekR1 is the format of R1 and R1-0528, of V2.5 and V3 too: the type
// of the tool, always function, its name on the same line, and the arguments in a
// fence. The fence ends where the JSON does, not at the next three backticks,
// which a string of the arguments may have.
func outputDeepSeekR1() *outputFormat {
	f := outputDeepSeekV31()
	f.call = []string{deepseekCallBegin + "function" + deepseekSep}
	f.ending = []string{deepseekCallEnd}
	f.line, f.fence = true, true
	return f
}

// outputDeepSeekV31 is the format of V3.1: the name, a separator, the arguments.
func outputDeepSeekV31() *outputFormat {
	return &outputFormat{
		reasons: true,
		section: []string{deepseekCallsBegin},
		call:    []string{deepseekCallBegin},
		closers: []string{deepseekCallEnd, deepseekCallsEnd},
		ends:    []string{deepseekCallsEnd},
		ending:  []string{deepseekSep, deepseekCallEnd},
		start:   outputStart,
		begin:   outputName,
		next:    outputText,
		failed:  outputText,
	}
}
