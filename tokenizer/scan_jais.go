package tokenizer

// jais2Finder finds the pattern of Llama 3 with other blanks: behind its last line
// end, a run of them goes in pieces of 512, 256 … 4 and at last 2 or 1 while a
// blank or the end of the text follows.
type jais2Finder struct{}

func (jais2Finder) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
	part := s.of(text)
	words := wordScan{word: classL, digits: 3}
	add := func(from, to int) int {
		dst = append(dst, span{s.start + int32(from), s.start + int32(to)})
		return to
	}
	for i := 0; i < len(part); {
		line, end, count := blankRun(part, i)
		if line > i {
			i = add(i, line)
			continue
		}
		if end < len(part) {
			count-- // the last one has no blank behind it
		}
		for size := 512; size > 0 && count > 0; {
			if size > count {
				size /= 2
				continue
			}
			from := i
			for range size {
				i += charLen(part, i)
			}
			add(from, i)
			count -= size
		}
		if i < len(part) {
			i = add(i, words.next(part, i))
		}
	}
	return dst, nil
}

// blankRun returns the end of the last line end in the run of blanks at text[i],
// the end of the run, and how many are behind the former.
func blankRun(text string, i int) (line, end, count int) {
	line, end = i, i
	for end < len(text) {
		c, n := classAt(text, end)
		if c&classSpace == 0 {
			break
		}
		end += n
		count++
		if c&classCRLF != 0 {
			line, count = end, 0
		}
	}
	return line, end, count
}
