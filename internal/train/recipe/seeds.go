package recipe

import (
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/internal/task"
)

// Seeded is what a stage is like with several seeds: of each figure the mean over seeds, with the
// standard error of that.
type Seeded struct {
	Stage      string     `json:"stage"`
	Title      string     `json:"title"`
	Seeds      int        `json:"seeds"`
	K          int        `json:"k"`
	Greedy     task.Score `json:"greedy"`
	Length     task.Score `json:"length"`
	Readable   task.Score `json:"readable"`
	NewRange   task.Score `json:"new_range"`
	Arithmetic task.Score `json:"arithmetic"`
	Pass1      task.Score `json:"pass_1"`
	PassK      task.Score `json:"pass_k"`
	MajorityK  task.Score `json:"maj_k"`
}

// OverSeeds joins the scores of runs with several seeds, of each stage those that are there.
func OverSeeds(runs [][]*Score) (list []*Seeded) {
	of := map[string][]*Score{}
	var order []*Score
	for _, run := range runs {
		for _, x := range run {
			if of[x.Stage] == nil {
				order = append(order, x)
			}
			of[x.Stage] = append(of[x.Stage], x)
		}
	}
	for _, first := range order {
		all := of[first.Stage]
		mean := func(value func(x *Score) task.Score) task.Score {
			values := make([]float64, len(all))
			for i, x := range all {
				values[i] = value(x).Value
			}
			return task.Mean(values)
		}
		list = append(list, &Seeded{
			Stage: first.Stage, Title: first.Title, Seeds: len(all), K: first.K,
			Greedy:     mean(func(x *Score) task.Score { return x.Greedy }),
			Length:     mean(func(x *Score) task.Score { return x.Length }),
			Readable:   mean(func(x *Score) task.Score { return x.Readable }),
			NewRange:   mean(func(x *Score) task.Score { return x.NewRange }),
			Arithmetic: mean(func(x *Score) task.Score { return x.Arithmetic }),
			Pass1:      mean(func(x *Score) task.Score { return x.Pass1 }),
			PassK:      mean(func(x *Score) task.Score { return x.PassK }),
			MajorityK:  mean(func(x *Score) task.Score { return x.MajorityK }),
		})
	}
	return list
}

// MarkdownSeeds writes a table of stages over seeds.
func MarkdownSeeds(list []*Seeded) string {
	var b strings.Builder
	k := 0
	for _, x := range list {
		k = x.K
	}
	fmt.Fprintf(&b, "| stage | seeds | right, %% | tokens an answer | pass@1 | pass@%d | maj@%d | words in the wanted language, %% | new range, %% | arithmetic, %% |\n", k, k)
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, x := range list {
		fmt.Fprintf(&b, "| %s | %d | %s | %.1f | %s | %s | %s | %s | %s | %s |\n", numbered(x.Stage, x.Title), x.Seeds, percent(x.Greedy), x.Length.Value,
			percent(x.Pass1), percent(x.PassK), percent(x.MajorityK), percent(x.Readable), percent(x.NewRange), percent(x.Arithmetic))
	}
	b.WriteString("\nMeans over seeds; ± is the standard error over them.\n")
	return b.String()
}

// WriteSeeds writes the table over seeds into a folder, as JSON and as text.
func WriteSeeds(folder string, runs [][]*Score) error {
	list := OverSeeds(runs)
	return writeTables(folder, list, MarkdownSeeds(list))
}
