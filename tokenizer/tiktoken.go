package tokenizer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// isTiktoken reports whether a file holds ranks in the text form of tiktoken:
// lines of a piece in base64 and its rank.
func isTiktoken(data []byte) bool {
	line, _, _ := bytes.Cut(data[:min(len(data), 4096)], []byte("\n"))
	piece, rank, ok := strings.Cut(strings.TrimSuffix(string(line), "\r"), " ")
	if !ok || piece == "" {
		return false
	}
	_, err := base64.StdEncoding.DecodeString(piece)
	_, err2 := strconv.ParseUint(rank, 10, 31)
	return err == nil && err2 == nil
}

// A rankSplit is what a tiktoken file leaves unsaid: how text is split, and how
// many ids behind the ranks are reserved for control tokens.
type rankSplit struct {
	pattern  string
	reserved int
}

// rankSplitOf returns it for the class that tokenizer_config.json names. A file
// without that is of the form that Kimi publishes.
func rankSplitOf(class string) (rankSplit, error) {
	switch class {
	case "TikTokenTokenizer", "TikTokenV3Tokenizer", "":
		return rankSplit{patternKimi, 258}, nil
	case "ChatGLM4Tokenizer":
		return rankSplit{patternLlama3, 0}, nil
	}
	return rankSplit{}, fmt.Errorf("tiktoken ranks of a %.40q: %w", class, ErrUnsupported)
}

// parseTiktoken builds a tokenizer from a file of ranks; the control tokens
// stand in the files beside it.
func parseTiktoken(data []byte, beside *folderConfig) (*Tokenizer, error) {
	split, err := rankSplitOf(beside.class)
	if err != nil {
		return nil, err
	}
	t := newTokenizer()
	t.raw = true
	t.vocab = newVocab(bytes.Count(data, []byte("\n")) + 1)
	r := newRanked(t.vocab, true)
	if err := readRanks(data, r); err != nil {
		return nil, err
	}
	r.findBytes()
	t.model, t.decoder = r, rawDecoder{}
	find, err := newFinder(split.pattern)
	if err != nil {
		return nil, err
	}
	t.stages = []stage{&splitStage{finder: find}}
	added := beside.moreTokens(nil)
	if err := t.addTokens(append(added, reservedTokens(added, t.vocab.size(), split.reserved)...)); err != nil {
		return nil, err
	}
	beside.apply(t)
	return t, t.finish()
}

// readRanks reads the lines.
func readRanks(data []byte, r *ranked) error {
	var piece []byte
	for n := 1; len(data) > 0; n++ {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		text, rank, _ := bytes.Cut(line, []byte(" "))
		id, err := strconv.ParseUint(string(rank), 10, 31)
		if err != nil || id >= maxVocab {
			return fmt.Errorf("%w: line %d: got %.40q, want a piece in base64 and a rank below %d", ErrDamaged, n, line, maxVocab)
		}
		piece, err = base64.StdEncoding.AppendDecode(piece[:0], text)
		if err != nil || len(piece) == 0 {
			return fmt.Errorf("%w: line %d: got %.40q, want a piece in base64", ErrDamaged, n, text)
		}
		if _, err := r.vocab.add(piece, int32(id), true); err != nil {
			return err
		}
		r.addRank(uint32(id), false)
	}
	if len(r.order) == 0 {
		return fmt.Errorf("%w: no ranks", ErrDamaged)
	}
	return nil
}

// reservedTokens names the ids that are reserved behind the ranks and that no
// file names.
func reservedTokens(named []addedEntry, first, n int) []addedEntry {
	taken := map[int32]bool{}
	for _, a := range named {
		if a.ID != nil {
			taken[*a.ID] = true
		}
	}
	var more []addedEntry
	for id := int32(first); id < int32(first+n); id++ {
		if !taken[id] {
			more = append(more, addedEntry{ID: &id, Content: fmt.Sprintf("<|reserved_token_%d|>", id), Special: true})
		}
	}
	return more
}
