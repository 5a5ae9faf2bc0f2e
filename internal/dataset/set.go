package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/message"
)

// Set is the samples of files, split into those that are trained on and those that only
// measure, and what became of every row.
type Set struct {
	Train, Validation Samples
	Files             []string
	Counts            Counts
	Key               string // under which it is stored; see Key
}

// Counts say what became of rows.
type Counts struct {
	Tally
	Text, Completions, Chats  int     // rows, by form
	Pairs, Desirables, Others int     // of preferences: pairs, and answers by their label
	Twice                     int     // rows that stood there before
	Samples                   int     // that were made of the rows
	Cut                       int     // samples whose end is left out
	Skipped                   int     // samples that are left out, being too long
	Split                     int     // texts that became several samples
	CutTokens                 int     // that were left out by cutting and skipping
	Endless                   int     // samples in which no end of an answer is learned
	Sizes                     Lengths // of samples before anything was cut
}

// ShareLong returns the share of samples that were cut or left out for their length.
func (c *Counts) ShareLong() float64 {
	if c.Samples == 0 {
		return 0
	}
	return float64(c.Cut+c.Skipped) / float64(c.Samples)
}

// Load reads files and encodes them. The share validation of rows, found by a digest of
// what they hold, only measures: the same row is always on the same side. The error wraps
// ErrFormat, ErrTooLong or ErrEmpty.
func Load(ctx context.Context, paths []string, e *Encoder, validation float64) (*Set, error) {
	if !(validation >= 0 && validation < 1) {
		return nil, fmt.Errorf("validation is %g, want 0 to less than 1: %w", validation, ErrOption)
	}
	l := &loader{ctx: ctx, e: e, set: &Set{}, validation: validation, seen: map[[16]byte]struct{}{}}
	tally, err := Read(ctx, paths, l.row)
	if err != nil {
		return nil, err
	}
	if err := l.mismatch(); err != nil {
		return nil, err
	}
	s := l.set
	s.Counts.Tally, s.Counts.Sizes = *tally, lengthsOf(l.sizes)
	if s.Counts.Rows == 0 {
		err = fmt.Errorf("%s: %d rows, none of them usable", message.Clean(paths[0]), tally.Broken)
		if tally.Broken > 0 {
			b := tally.Named[0]
			err = fmt.Errorf("%w; %s:%d: %s", err, message.Clean(b.File), b.Line, b.Reason)
		}
		return nil, fmt.Errorf("%w: %w", err, ErrEmpty)
	}
	return s, nil
}

type loader struct {
	ctx        context.Context
	e          *Encoder
	set        *Set
	validation float64
	seen       map[[16]byte]struct{} // beginnings of digests
	sizes      []int
	labelled   []labelled // of preferences by labels, which get mismatched answers at the end
	tokens     int        // of those
}

func (l *loader) row(r *Row) error {
	samples, err := l.e.Encode(l.ctx, r)
	if err != nil {
		return err
	}
	c := &l.set.Counts
	switch {
	case l.e.o.Preferences != PreferencesNone:
		c.preferences(samples)
	default:
		c.form(r.Form)
	}
	if _, twice := l.seen[[16]byte(r.Digest[:16])]; twice {
		c.Twice++
	}
	l.seen[[16]byte(r.Digest[:16])] = struct{}{}
	to := &l.set.Train
	if inValidation(r.Digest, l.validation) {
		to = &l.set.Validation
	}
	at := Place{l.fileOf(r.File), int32(r.Line)}
	if l.e.o.Preferences != PreferencesNone {
		return l.preferences(r, to, samples, at)
	}
	for _, s := range samples {
		if err := l.sample(r, to, s, at); err != nil {
			return err
		}
	}
	return nil
}

// form counts a row of a form.
func (c *Counts) form(f Form) {
	switch f {
	case Text:
		c.Text++
	case Completion:
		c.Completions++
	case Chat:
		c.Chats++
	}
}

// inValidation says on which side of a split the row with a digest is.
func inValidation(digest [sha256.Size]byte, share float64) bool {
	const unit = 1 << 53 // what a float64 counts in whole
	return float64(binary.BigEndian.Uint64(digest[:8])>>11) < share*unit
}

func (l *loader) fileOf(name string) int32 {
	files := l.set.Files
	if n := len(files); n == 0 || files[n-1] != name {
		l.set.Files = append(files, name)
	}
	return int32(len(l.set.Files) - 1)
}

// sample takes a sample, or what its length leaves of it.
func (l *loader) sample(r *Row, to *Samples, s Sample, at Place) error {
	if c := &l.set.Counts; len(s.IDs) > l.e.o.Length && l.e.o.Long == LongSplit && r.Form == Text {
		c.Samples++
		c.Split++
		l.sizes = append(l.sizes, len(s.IDs))
		return l.split(to, s, at)
	}
	s, fits, err := l.fit(r, s)
	if err != nil || !fits {
		return err
	}
	return to.add(s, at)
}

// fit returns what its length leaves of a sample; false: it is left out.
func (l *loader) fit(r *Row, s Sample) (left Sample, fits bool, err error) {
	c, most := &l.set.Counts, l.e.o.Length
	c.Samples++
	l.sizes = append(l.sizes, len(s.IDs))
	if len(s.IDs) > most {
		switch long := l.e.o.Long; {
		case long == LongCut && s.cut(most).targets() > 0:
			c.Cut++
			c.CutTokens += len(s.IDs) - most
			s = s.cut(most)
		case long == LongSkip, long == LongCut: // nothing to learn is in what a cut leaves
			c.Skipped++
			c.CutTokens += len(s.IDs)
			return s, false, nil
		default:
			return s, false, fmt.Errorf("%s:%d: %d tokens, want at most %d: %w", message.Clean(r.File), r.Line, len(s.IDs), most, ErrTooLong)
		}
	}
	if !l.ends(s) {
		c.Endless++
	}
	return s, true, nil
}

// split makes several samples of a text. Each begins with the last token of the one
// before, so that every token but the first is predicted.
func (l *loader) split(to *Samples, s Sample, at Place) error {
	for from := 0; from+1 < len(s.IDs); from += l.e.o.Length - 1 {
		end := min(len(s.IDs), from+l.e.o.Length)
		if err := to.add(Sample{IDs: s.IDs[from:end], Learned: s.Learned[from:end]}, at); err != nil {
			return err
		}
	}
	return nil
}

// ends says whether an end of an answer is learned.
func (l *loader) ends(s Sample) bool {
	for i, id := range s.IDs {
		if s.Learned[i] && (id == l.e.tokens.EOS() || slices.Contains(l.e.ends, id)) {
			return true
		}
	}
	return false
}
