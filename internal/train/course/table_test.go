package course

import (
	"flag"
	"fmt"
	"os"
	"reflect"
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

// everyKey returns the keys of all kinds, in their order.
func everyKey() (keys []Key) {
	var s Settings
	v := reflect.TypeOf(s)
	for i := range v.NumField() {
		keys = append(keys, Key{Name: v.Field(i).Tag.Get("toml"), Help: v.Field(i).Tag.Get("help")})
	}
	return keys
}

func table() string {
	var b strings.Builder
	b.WriteString("| key | usually | what |\n|---|---|---|\n")
	usual := map[string][]Key{}
	for _, kind := range Kinds {
		s := Usual(kind)
		usual[kind] = s.Keys()
	}
	for _, k := range everyKey() {
		if slices.Contains([]string{"kind", "model", "data"}, k.Name) {
			continue
		}
		values := map[string][]string{} // the kinds that have each
		var order []string
		n := 0
		for _, kind := range Kinds {
			for _, x := range usual[kind] {
				if x.Name == k.Name {
					text := "`" + x.Text() + "`"
					if values[text] == nil {
						order = append(order, text)
					}
					values[text] = append(values[text], kind)
					n++
				}
			}
		}
		shown := order[0]
		if len(order) > 1 || n < len(Kinds) {
			shown = ""
			for _, text := range order {
				shown += strings.Join(values[text], ", ") + " " + text + "; "
			}
			shown = strings.TrimSuffix(shown, "; ")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, shown, k.Help)
	}
	return b.String()
}
