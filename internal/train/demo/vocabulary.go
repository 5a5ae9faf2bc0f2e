package demo

import "github.com/blitz-r1/blitz/internal/train/letters"

// vocabulary are the tokens: what ends an answer, the tags, and single characters.
var vocabulary = letters.New([]string{end, "</think>", "<answer>", "</answer>"}, "\n =:+-*/()0123456789")

// end ends an answer.
const end = "<end>"

// vocabSize is the number of rows of the embedding: the vocabulary, and some that are not used.
const vocabSize = 32

// encode appends the tokens of a text of our own.
func encode(dst []int32, text string) []int32 {
	ids, err := vocabulary.Encode(dst, text)
	if err != nil {
		panic(err)
	}
	return ids
}
