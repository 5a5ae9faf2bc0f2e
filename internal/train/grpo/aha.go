package grpo

// Finder finds where answers look back: words by which a model checks what it has, and words by
// which it tries again (what DeepSeek-R1's report calls an aha moment, section 2.2.4). It counts
// words, not thoughts: what it finds is to be read.
type Finder struct {
	Checks  []string // small letters
	Retries []string
}

// Words is the finder of answers in words, English and Chinese.
var Words = &Finder{
	Checks: []string{
		"let me check", "let's check", "let me verify", "let's verify", "double-check", "double check", "to verify", "verify that", "check that", "check if", "checking",
		"let me see if", "does that work", "is that right", "is this right", "is that correct", "is this correct", "make sure", "substitute back", "检查", "验证", "核对",
	},
	Retries: []string{
		"wait", "hold on", "hmm", "aha", "actually", "let me try again", "try again", "let me rethink", "rethink", "reconsider", "re-evaluate", "reevaluate", "start over",
		"on second thought", "alternatively", "that's not right", "that is not right", "that's wrong", "that is wrong", "doesn't work", "does not work", "not correct",
		"i made a mistake", "made an error", "等等", "等一下", "不对", "重新", "再试",
	},
}

// Searches is the finder of the searches that train demo's model writes, whose vocabulary has no
// words: a line that ends without the target is given up, and another is tried.
var Searches = &Finder{Retries: []string{"\n"}}

// Place is a word in a text.
type Place struct {
	From, To int // bytes
	Retry    bool
}

// Find returns the words of a text in their order. Of words that overlap the longest of the first
// counts. A word of letters stands by itself: "waiter" has none.
func (f *Finder) Find(text string) (places []Place) {
	low := lower(text)
	var begins [256]bool
	for _, words := range [][]string{f.Checks, f.Retries} {
		for _, w := range words {
			begins[w[0]] = true
		}
	}
	for at := 0; at < len(low); {
		if !begins[low[at]] {
			at++
			continue
		}
		p := Place{From: at}
		for retry, words := range [][]string{f.Checks, f.Retries} {
			for _, w := range words {
				if end := at + len(w); end > p.To && end <= len(low) && low[at:end] == w && alone(low, at, end) {
					p.To, p.Retry = end, retry == 1
				}
			}
		}
		if p.To == 0 {
			at++
			continue
		}
		places = append(places, p)
		at = p.To
	}
	return places
}

// Count returns how many self-checks and re-tries a text has.
func (f *Finder) Count(text string) (checks, retries int) {
	for _, p := range f.Find(text) {
		if p.Retry {
			retries++
		} else {
			checks++
		}
	}
	return checks, retries
}

// lower makes ASCII letters small: bytes stay where they are.
func lower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// alone says whether no letter stands before or behind a word that begins or ends with one.
func alone(text string, from, to int) bool {
	letter := func(c byte) bool { return c >= 'a' && c <= 'z' }
	return (from == 0 || !letter(text[from]) || !letter(text[from-1])) && (to == len(text) || !letter(text[to-1]) || !letter(text[to]))
}
