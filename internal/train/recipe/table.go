package recipe

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/letters"
)

// The names of the table of stages.
const (
	tableName    = "stages.json"
	markdownName = "stages.md"
)

// Scores returns what the stages of a run are like that are done, in their order.
func (r *Run) Scores() (list []*Score, err error) {
	for _, s := range r.stages() {
		x, err := readScore(filepath.Join(r.folder(s), scoreName))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, nil
}

// table writes the table of the stages that are done.
func (r *Run) table() error {
	list, err := r.Scores()
	if err != nil {
		return err
	}
	return writeTables(r.Folder, list, Markdown(list))
}

// writeTables writes a table as JSON and as text.
func writeTables(folder string, list any, text string) error {
	if err := newfile.Write(filepath.Join(folder, tableName), letters.JSON(list)); err != nil {
		return err
	}
	return newfile.Write(filepath.Join(folder, markdownName), []byte(text))
}

// numbered writes the number of a stage, and what it is.
func numbered(stage, title string) string {
	number, _, _ := strings.Cut(stage, "-")
	return number + ": " + title
}

// percent writes a share with its standard error.
func percent(s task.Score) string {
	if s.StandardError == nil {
		return fmt.Sprintf("%.1f", 100*s.Value)
	}
	return fmt.Sprintf("%.1f ± %.1f", 100*s.Value, 100**s.StandardError)
}

// Markdown writes a table of stages.
func Markdown(list []*Score) string {
	var b strings.Builder
	k := 0
	for _, x := range list {
		k = x.K
	}
	fmt.Fprintf(&b, "| stage | parameters | right, %% | tokens an answer | pass@1 | pass@%d | maj@%d | reasons, %% | words in the wanted language, %% | new range, %% | arithmetic, %% | 10¹² multiply-adds |\n", k, k)
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, x := range list {
		readable := "–"
		if x.Reasons.Value > 0 {
			readable = percent(x.Readable)
		}
		fmt.Fprintf(&b, "| %s | %.2fM | %s | %.1f | %s | %s | %s | %s | %s | %s | %s | %.3g |\n", numbered(x.Stage, x.Title), float64(x.All)/1e6, percent(x.Greedy), x.Length.Value,
			percent(x.Pass1), percent(x.PassK), percent(x.MajorityK), percent(x.Reasons), readable, percent(x.NewRange), percent(x.Arithmetic), float64(x.MultiplyAdds)/1e12)
	}
	b.WriteString("\nCountdown of three numbers whose multisets are never trained on; ± is the standard error over problems. Right: with the likeliest tokens; pass and maj at temperature 1.\n")
	return b.String()
}
