package course

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of settings into docs/TRAINING.md")

// TestTable holds that docs/TRAINING.md tells every setting, with what it usually is.
func TestTable(t *testing.T) {
	const path, begin, end = "../../../docs/TRAINING.md", "-update -->\n", "<!-- end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	_, tail, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatal("docs/TRAINING.md has no place for the table of settings")
	}
	want := head + begin + table() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("docs/TRAINING.md does not tell the settings as they are: go test ./internal/train/course -run TestTable -update writes it")
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("| key | usually | what |\n|---|---|---|\n")
	usual := map[string][]Key{}
	for _, kind := range Kinds {
		s := Usual(kind)
		usual[kind] = s.Keys()
	}
	for i, k := range usual[Kinds[0]] {
		if slices.Contains([]string{"kind", "model", "data"}, k.Name) {
			continue
		}
		values := []string{}
		for _, kind := range Kinds {
			if text := usual[kind][i].Text(); len(values) == 0 || !slices.Contains(values, text) {
				values = append(values, text)
			}
		}
		shown := "`" + values[0] + "`"
		if len(values) > 1 {
			shown = ""
			for _, kind := range Kinds {
				shown += fmt.Sprintf("%s `%s`, ", kind, usual[kind][i].Text())
			}
			shown = strings.TrimSuffix(shown, ", ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, shown, k.Help)
	}
	return b.String()
}
