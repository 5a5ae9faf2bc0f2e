package tokenizer

import (
	"fmt"
	"slices"
	"strings"
)

// Infill are the tokens by which a model was taught to fill in what is missing between
// two texts; -1 for one that it does not have.
type Infill struct {
	Prefix, Suffix, Middle int32 // stand in front of the text before, of that behind, and of what is missing
	Pad, Repo, File        int32 // end what is missing, or stand in front of the name of a repository, or a file
	SuffixFirst            bool  // the text behind comes before that in front
}

// noInfill is what a tokenizer without such tokens has.
var noInfill = Infill{-1, -1, -1, -1, -1, -1, false}

// The pieces of such tokens in the vocabularies of published models, those of one model
// at the same place in the first three lists: Qwen and CodeGemma, StarCoder, SantaCoder,
// DeepSeek, CodeLlama, GLM.
var (
	prefixPieces = strings.Fields("<|fim_prefix|> <fim_prefix> <fim-prefix> <｜fim▁begin｜> ▁<PRE> <PRE> <|code_prefix|>")
	suffixPieces = strings.Fields("<|fim_suffix|> <fim_suffix> <fim-suffix> <｜fim▁hole｜> ▁<SUF> <SUF> <|code_suffix|>")
	middlePieces = strings.Fields("<|fim_middle|> <fim_middle> <fim-middle> <｜fim▁end｜> ▁<MID> <MID> <|code_middle|>")
	padPieces    = strings.Fields("<|fim_pad|> <fim_pad> <fim-pad>")
	repoPieces   = strings.Fields("<|repo_name|> <repo_name> <reponame> <|fim_repo|>")
	filePieces   = strings.Fields("<|file_sep|> <file_sep> <|file_separator|> <|fim_sep|>")
)

// Infill returns the tokens for what is missing; false: the model has none. They are
// those that the files name, else those of known pieces.
func (t *Tokenizer) Infill() (Infill, bool) {
	in := t.infill
	if in.Prefix < 0 || in.Suffix < 0 || in.Middle < 0 {
		in.Prefix, in.Suffix, in.Middle = -1, -1, -1
		for i := range prefixPieces {
			pre, suf, mid := t.pieceID(prefixPieces[i]), t.pieceID(suffixPieces[i]), t.pieceID(middlePieces[i])
			if pre >= 0 && suf >= 0 && mid >= 0 {
				in.Prefix, in.Suffix, in.Middle = pre, suf, mid
				break
			}
		}
	}
	if in.Prefix < 0 { // Codestral: nothing stands in front of what is missing
		if pre, suf := t.pieceID("[PREFIX]"), t.pieceID("[SUFFIX]"); pre >= 0 && suf >= 0 {
			in.Prefix, in.Suffix, in.SuffixFirst = pre, suf, true
		}
	}
	for _, further := range []struct {
		id     *int32
		pieces []string
	}{{&in.Pad, padPieces}, {&in.Repo, repoPieces}, {&in.File, filePieces}} {
		for _, piece := range further.pieces {
			if *further.id < 0 {
				*further.id = t.pieceID(piece)
			}
		}
	}
	return in, in.Prefix >= 0
}

// pieceID returns the id of a piece, or -1.
func (t *Tokenizer) pieceID(piece string) int32 {
	if id, ok := t.ID(piece); ok {
		return id
	}
	return -1
}

// Ends returns the tokens that no text in the middle has, so that they end it.
func (in Infill) Ends() []int32 {
	var ends []int32
	for _, id := range []int32{in.Prefix, in.Suffix, in.Middle, in.Pad, in.Repo, in.File} {
		if id >= 0 {
			ends = append(ends, id)
		}
	}
	return ends
}

// A Gap is what is missing between two texts.
type Gap struct {
	Before, Behind string
	Near           []NamedText // that the model is to know of: other files
}

// A NamedText is a text and the name of the file that it is from.
type NamedText struct{ Name, Text string }

// EncodeGap returns the tokens that ask for what is missing. All texts are ordinary ones,
// whatever control tokens they spell. The error wraps ErrUnsupported where the model was
// not taught that, or is one of Encode.
func (t *Tokenizer) EncodeGap(g Gap) ([]int32, error) {
	in, ok := t.Infill()
	if !ok {
		return nil, fmt.Errorf("tokenizer: %w: the vocabulary has no tokens to fill in the middle with", ErrUnsupported)
	}
	w := gapWriter{t: t, ids: t.begin(nil, AddSpecial)}
	w.near(in, g.Near)
	if in.SuffixFirst {
		w.token(in.Suffix)
		w.behind(g.Behind)
		w.token(in.Prefix)
		w.text(g.Before)
	} else {
		w.token(in.Prefix)
		w.text(g.Before)
		w.token(in.Suffix)
		w.behind(g.Behind)
	}
	w.token(in.Middle)
	return w.ids, w.err
}

// gapWriter appends the parts of a gap.
type gapWriter struct {
	t   *Tokenizer
	ids []int32
	err error
}

// near appends other files, as models of whole repositories were taught them.
func (w *gapWriter) near(in Infill, files []NamedText) {
	if len(files) == 0 {
		return
	}
	if w.token(in.Repo); in.Repo >= 0 {
		w.text("repository\n")
	}
	for _, f := range files {
		w.token(in.File)
		w.text(f.Name + "\n" + f.Text)
		if in.File < 0 {
			w.text("\n\n")
		}
	}
	if w.token(in.File); in.File >= 0 {
		w.text("file\n")
	}
}

// token appends a token, unless the model does not have it.
func (w *gapWriter) token(id int32) {
	if id >= 0 {
		w.ids = append(w.ids, id)
	}
}

// text appends the tokens of a text.
func (w *gapWriter) text(text string) {
	if w.err == nil {
		w.ids, w.err = w.t.AppendEncode(w.ids, text, Plain)
	}
}

// guard is a character that no piece of a vocabulary continues.
const guard = "☺"

// behind appends the tokens of a text that goes on behind the gap: without the space that
// some tokenizers put in front of a text. Those who trained CodeLlama and Codestral got
// rid of it by a character in front, whose tokens are taken away again.
func (w *gapWriter) behind(text string) {
	from := len(w.ids)
	if w.text(guard); w.err != nil {
		return
	}
	alone := slices.Clone(w.ids[from:])
	if w.ids = w.ids[:from]; w.t.spaced(alone) {
		w.text(guard + text)
		if got := w.ids[from:]; w.err == nil && len(got) >= len(alone) && slices.Equal(got[:len(alone)], alone) {
			w.ids = slices.Delete(w.ids, from, from+len(alone))
			return
		}
		w.ids = w.ids[:from]
	}
	w.text(text)
}

// spaced says whether the tokens of a text begin with a space, which it does not.
func (t *Tokenizer) spaced(ids []int32) bool {
	if len(ids) == 0 {
		return false
	}
	said, err := t.AppendBytes(nil, ids[0])
	return err == nil && strings.HasPrefix(string(said), " ")
}
