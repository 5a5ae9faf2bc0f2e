package recipe

import "github.com/blitz-r1/blitz/internal/train/letters"

// Tokens that are no characters.
const (
	end         = "<end>" // ends an answer
	thinkOpen   = "<think>"
	thinkClose  = "</think>"
	answerOpen  = "<answer>"
	answerClose = "</answer>"
)

// foreign are the letters of the other script.
const foreign = "недат"

// vocabulary are all tokens: tags, a line's end, ASCII, so that people may ask in words, and
// letters of the other script.
var vocabulary = letters.New([]string{end, thinkOpen, thinkClose, answerOpen, answerClose}, "\n"+ascii()+foreign)

func ascii() string {
	var b []byte
	for c := byte(' '); c <= '~'; c++ {
		b = append(b, c)
	}
	return string(b)
}

// vocabSize is the number of rows of the embedding; some are not used.
const vocabSize = 128

// Template shows the model the last question alone: it knows one at a time.
const Template = `{%- for m in messages -%}{%- if m['role'] == 'user' and loop.last -%}{{ m['content'] | trim }}{{ '\n' }}{%- endif -%}{%- endfor -%}` +
	`{%- if add_generation_prompt -%}<think>{%- endif -%}`
