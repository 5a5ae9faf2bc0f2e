package tokenizer

import "strings"

// Texts of the patterns that have a hand-written scanner, as they stand in
// published tokenizer.json files. Line ends are escaped here, which some files
// do not do.
const (
	patternContractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	patternBlanks       = `\s*[\r\n]+|\s+(?!\S)|\s+`

	patternGPT2       = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	patternGPT2Short  = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`
	patternLlama3     = patternContractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|` + patternBlanks
	patternQwen2      = patternContractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|` + patternBlanks
	patternQwen35     = patternContractions + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|` + patternBlanks
	patternDeepSeekV3 = `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|` + patternBlanks
	patternCJK        = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"

	patternUpper  = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
	patternLower  = `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
	patternTekken = `[^\r\n\p{L}\p{N}]?` + patternUpper + `*` + patternLower + `+|[^\r\n\p{L}\p{N}]?` + patternUpper + `+` + patternLower + `*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|` + patternBlanks
	patternGPT4o  = `[^\r\n\p{L}\p{N}]?` + patternUpper + `*` + patternLower + `+` + patternContractions + `?|[^\r\n\p{L}\p{N}]?` + patternUpper + `+` + patternLower + `*` + patternContractions + `?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|` + patternBlanks

	patternUpperNoHan = `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	patternLowerNoHan = `[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]`
	patternKimi       = `[\p{Han}]+|[^\r\n\p{L}\p{N}]?` + patternUpperNoHan + `*` + patternLowerNoHan + `+` + patternContractions + `?|[^\r\n\p{L}\p{N}]?` + patternUpperNoHan + `+` + patternLowerNoHan + `*` + patternContractions + `?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|` + patternBlanks

	patternLines       = `[^\n]+|[\n]+`
	patternTrailing    = `\s+$`
	patternThreeDigits = `[0-9][0-9][0-9]`

	// Words and the single spaces between them are one piece.
	patternExaoneMoE = patternContractions + `|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`
	patternBailing   = `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
	patternSeedCoder = patternContractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|` + patternBlanks
	patternJais2     = patternContractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`
	patternYoutu     = `[^\r\n\p{L}\p{N}]?` + patternUpper + `*` + patternLower + `+` + patternContractions + `?|[^\r\n\p{L}\p{N}]?` + patternUpper + `+` + patternLower + `*` + patternContractions + `?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|` + patternBlanks

	// Numbers in groups of three, counted from the right.
	patternNumberGroups = `\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))`
	patternDigitGroups  = `\d{1,3}(?=(?:\d{3})*\b)`
	patternBeforeThrees = `(?=(\d{3})+(?!\d))`

	patternAsia = "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-\u2fdf\u0e00-\u0e7f" +
		"\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\uac00-\ud7af\u1100-\u11ff]+"
	patternYoutuAsia = "[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+|" +
		"[\u3105-\u312f]+|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"

	patternDigitRuns = patternContractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|` + patternBlanks
)

// The splits of DeepSeek-LLM: its letters with case, its punctuation, and the
// scripts of East Asia. Escaped, since some of the letters look alike.
const (
	patternCased = "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370" +
		"-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481" +
		"\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b" +
		"\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b" +
		"\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb" +
		"\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128" +
		"\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4" +
		"\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf" +
		"\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8" +
		"-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943]+"
	patternPunct = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"
	patternEast  = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
)

var escapeLineEnds = strings.NewReplacer("\r", `\r`, "\n", `\n`)

// knownFinder returns the hand-written finder of a pattern; nil if there is
// none.
func knownFinder(pattern string) finder {
	pattern = escapeLineEnds.Replace(pattern)
	switch pattern {
	case patternGPT2, patternGPT2Short:
		// The short form leaves a lone blank unmatched, and what is not
		// matched is a piece too.
		return scanner(scanGPT2)
	case patternLlama3:
		return scanner(wordScan{word: classL, digits: 3}.next)
	case patternQwen2, patternBailing:
		// Nothing in Bailing's form gives back what it took, and \s*[\r\n] ends
		// where \s*[\r\n]+ does.
		return scanner(wordScan{word: classL, digits: 1}.next)
	case patternQwen35:
		return scanner(wordScan{word: classL | classM, digits: 1}.next)
	case patternDigitRuns:
		return scanner(wordScan{word: classL, digits: 1 << 30}.next)
	case patternSeedCoder:
		return scanner(wordScan{word: classL, digits: 1, bare: true}.next)
	case patternExaoneMoE:
		return scanner(scanExaoneMoE)
	case patternJais2:
		return jais2Finder{}
	case patternYoutu:
		return scanner(caseScan{contractions: true, digits: 1, slash: true}.next)
	case patternNumberGroups:
		return groupFinder{class: classN}
	case patternDigitGroups:
		return groupFinder{class: classNd, bound: true}
	case patternBeforeThrees:
		return groupFinder{class: classNd, between: true}
	case patternDeepSeekV3:
		return scanner(scanDeepSeekV3)
	case patternTekken:
		return scanner(caseScan{digits: 1, slash: true}.next)
	case patternGPT4o:
		return scanner(caseScan{contractions: true, digits: 3, slash: true}.next)
	case patternKimi:
		return scanner(caseScan{contractions: true, digits: 3, han: true}.next)
	case patternTrailing:
		return trailingBlanks{}
	case patternLines:
		return scanner(scanLines)
	case patternThreeDigits:
		return scanner(scanThreeDigits)
	}
	if s, ok := parseRuns(pattern); ok {
		return s
	}
	return nil
}
