package task

import (
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// solve finds a solution of a Countdown by trying all.
func solve(values []*big.Rat, texts []string, target *big.Rat) string {
	if len(values) == 1 {
		if values[0].Cmp(target) == 0 {
			return texts[0]
		}
		return ""
	}
	for i := range values {
		for j := range values {
			if i == j {
				continue
			}
			var v []*big.Rat
			var x []string
			for k := range values {
				if k != i && k != j {
					v, x = append(v, values[k]), append(x, texts[k])
				}
			}
			for _, op := range "+-*/" {
				r := new(big.Rat)
				switch op {
				case '+':
					r.Add(values[i], values[j])
				case '-':
					r.Sub(values[i], values[j])
				case '*':
					r.Mul(values[i], values[j])
				case '/':
					if values[j].Sign() == 0 {
						continue
					}
					r.Quo(values[i], values[j])
				}
				if s := solve(append(slices.Clone(v), r), append(slices.Clone(x), "("+texts[i]+string(op)+texts[j]+")"), target); s != "" {
					return s
				}
			}
		}
	}
	return ""
}

// answerOf returns a right answer of a problem, found in another way than the check's.
func answerOf(t *testing.T, p Problem) string {
	t.Helper()
	switch p := p.(type) {
	case *Countdown:
		var values []*big.Rat
		var texts []string
		for _, n := range p.Numbers {
			values, texts = append(values, new(big.Rat).SetInt64(n)), append(texts, big.NewInt(n).String())
		}
		return solve(values, texts, p.Target)
	case *Arithmetic:
		v, _ := evaluate(p.Expression)
		return v.RatString()
	case *Sort:
		sorted := slices.Clone(p.Numbers)
		slices.Sort(sorted)
		return joinNumbers(sorted, ", ")
	case *Parity:
		if strings.Count(strings.ReplaceAll(p.Bits, "0", ""), "")%2 == 1 { // empty texts are one more
			return "Even"
		}
		return "odd"
	case *Sudoku:
		cells := p.Cells
		if n := solutions(&cells, 0, 3); n != 1 {
			t.Fatalf("%s has %d solutions, want 1", p.Short(), n)
		}
		return fillAny(p.Cells)
	}
	t.Fatalf("%T", p)
	return ""
}

// fillAny tries all fillings in order and compares rows, columns and blocks as sets.
func fillAny(cells [sudokuCells]byte) string {
	var empty []int
	for i, c := range cells {
		if c == 0 {
			empty = append(empty, i)
		}
	}
	stretches := sudokuStretches()
	isSolution := func() bool {
		for _, stretch := range stretches {
			seen := 0
			for _, i := range stretch {
				seen |= 1 << cells[i]
			}
			if seen != 0b11110 {
				return false
			}
		}
		return true
	}
	var try func(n int) bool
	try = func(n int) bool {
		if n == len(empty) {
			return isSolution()
		}
		for c := byte(1); c <= 4; c++ {
			cells[empty[n]] = c
			if try(n + 1) {
				return true
			}
		}
		return false
	}
	if !try(0) {
		return ""
	}
	s := Sudoku{cells}
	return strings.ReplaceAll(s.Short(), "\n", " | ")
}

func sudokuStretches() (all [][]int) {
	for i := range 4 {
		var row, column, block []int
		for j := range 4 {
			row, column = append(row, 4*i+j), append(column, 4*j+i)
			block = append(block, 4*(i/2*2+j/2)+i%2*2+j%2)
		}
		all = append(all, row, column, block)
	}
	return all
}

// TestGenerated holds of every kind: problem i is the same each time and another than its
// neighbours, has a right answer, and others are wrong.
func TestGenerated(t *testing.T) {
	for _, kind := range Generated {
		seen := map[string]bool{}
		for i := range 60 {
			p, err := Generate(kind, 0, 7, i)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := Generate(kind, 0, 7, i)
			if !reflect.DeepEqual(p, again) {
				t.Fatalf("%s %d: made again it is another: %s, %s", kind, i, p.Short(), again.Short())
			}
			seen[p.Short()] = true
			if !strings.Contains(p.Question(), "<answer>") {
				t.Errorf("%s: the question does not say where the answer goes", kind)
			}
			right := answerOf(t, p)
			if v := Judge(p, "x</think><answer>"+right+"</answer>"); !v.Correct || v.Reward != 1 {
				t.Errorf("%s: %s: the answer %q is %+v", kind, p.Short(), right, v)
			}
			for _, wrong := range []string{"", "99999", "even odd", right + right, "1 2 3", strings.Repeat("1", 16)} {
				if _, ok := p.Check(wrong); ok {
					t.Errorf("%s: %s: the answer %q is right", kind, p.Short(), wrong)
				}
			}
			if c, ok := p.(*Countdown); ok && !HeldOut(c.Numbers) {
				t.Errorf("numbers %v are not held out", c.Numbers)
			}
		}
		if len(seen) < 40 {
			t.Errorf("%s: %d different problems of 60", kind, len(seen))
		}
	}
}

// TestGeneratedStays holds the first problems: results of other days are compared with them.
func TestGeneratedStays(t *testing.T) {
	for kind, want := range map[string]string{
		"countdown": "4 1 9 = 13", "arithmetic": "16+(7-12)", "sort": "71 1 68 16 43 77 50", "parity": "010111110100",
		"sudoku": "....\n31.2\n1...\n2431",
	} {
		p, err := Generate(kind, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Short(); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}

// TestSizes refuses what cannot be made.
func TestSizes(t *testing.T) {
	for _, g := range generators {
		for _, size := range []int{g.least, g.most} {
			if _, err := Generate(g.kind, size, 1, 2); err != nil {
				t.Errorf("%s of size %d: %v", g.kind, size, err)
			}
		}
		for _, size := range []int{-1, g.least - 1, g.most + 1} {
			if _, err := Generate(g.kind, size, 1, 2); size != 0 && err == nil {
				t.Errorf("%s of size %d is made", g.kind, size)
			}
		}
	}
	if _, err := Generate("chess", 0, 1, 2); err == nil {
		t.Error("chess is made")
	}
}

// TestHeldOut holds the split that trainers and tests share: of 364 multisets of three numbers
// up to 12 a fifth, as they fell, is held out.
func TestHeldOut(t *testing.T) {
	out := 0
	for a := range int64(12) {
		for b := a; b < 12; b++ {
			for c := b; c < 12; c++ {
				if HeldOut([]int64{c + 1, a + 1, b + 1}) {
					out++
				}
			}
		}
	}
	if out != 78 {
		t.Errorf("%d of 364 are held out, want 78", out)
	}
}

// TestQuestions compares answers to questions of users.
func TestQuestions(t *testing.T) {
	for _, c := range []struct {
		row, content, answer string
		right                bool
	}{
		{`{"prompt": "q", "answer": "Paris"}`, " Paris\n", "Paris", true},
		{`{"prompt": "q", "answer": "Paris"}`, "I say <answer>Paris</answer>, yes.", "Paris", true},
		{`{"prompt": "q", "answer": ["Paris", "paris"]}`, "paris", "paris", true},
		{`{"prompt": "q", "answer": "Paris"}`, "It is Paris", "It is Paris", false},
		{`{"prompt": "q", "answer": 12}`, "12", "12", true},
		{`{"prompt": "q", "answer": 1234.5, "score": "numeric"}`, "3 times is 1,234.50 dollars.", "2469/2", true},
		{`{"prompt": "q", "answer": "1/3", "score": "numeric"}`, "so 2/6", "1/3", true},
		{`{"prompt": "q", "answer": "1/3", "score": "numeric"}`, "0.333", "333/1000", false},
		{`{"prompt": "q", "answer": "1/3", "score": "numeric", "tolerance": 0.01}`, "0.333", "333/1000", true},
		{`{"prompt": "q", "answer": -5, "score": "numeric"}`, "= -5.", "-5", true},
		{`{"prompt": "q", "answer": 5e3, "score": "numeric"}`, "5000", "5000", true},
		{`{"prompt": "q", "answer": 5, "score": "numeric"}`, "no number", "", false},
		{`{"prompt": "q", "answer": 5, "score": "numeric"}`, "5/0", "", false},
		{`{"prompt": "q", "answer": 5, "score": "numeric"}`, "1e999", "", false},
		{`{"prompt": "q", "choices": ["Rome", "Paris"], "answer": "B"}`, "The answer is (B).", "B", true},
		{`{"prompt": "q", "choices": ["Rome", "Paris"], "answer": "Paris"}`, "b", "B", true},
		{`{"prompt": "q", "choices": ["Rome", "Paris"], "answer": "paris"}`, "Paris.", "B", true},
		{`{"prompt": "q", "choices": ["Rome", "Paris"], "answer": "A"}`, "A or B", "B", false},
		{`{"prompt": "q", "choices": ["Rome", "Paris"], "answer": "A"}`, "BABY, D, I don't know", "", false},
		{`{"prompt": "q", "answer": "^colou?r$", "score": "regex"}`, "color", "color", true},
		{`{"prompt": "q", "answer": "(a|b)+c", "score": "regex"}`, "xx abac", "abac", true},
		{`{"prompt": "q", "answer": "z", "score": "regex"}`, "xx", "xx", false},
	} {
		q, err := ParseQuestion([]byte(c.row), Exact)
		if err != nil {
			t.Errorf("%s: %v", c.row, err)
			continue
		}
		v := JudgeContent(q, c.content)
		answer := ""
		if v.Answer != nil {
			answer = *v.Answer
		}
		if answer != c.answer || v.Correct != c.right || v.Format != (c.answer != "") {
			t.Errorf("%s: %q: got %q, %+v, want %q, %v", c.row, c.content, answer, v, c.answer, c.right)
		}
	}
	q, _ := ParseQuestion([]byte(`{"question": "Where?", "id": 7, "choices": ["Rome", "Paris"], "answer": "B"}`), Exact)
	if want := "Where?\nA. Rome\nB. Paris"; q.Question() != want || q.ID != "7" || q.Short() != "Where?" {
		t.Errorf("got %q, %q, want %q, 7", q.Question(), q.ID, want)
	}
}

// TestQuestionsRefused names what is wrong with a row.
func TestQuestionsRefused(t *testing.T) {
	for _, c := range [][2]string{
		{`7`, "want an object"},
		{`{"answer": "x"}`, "prompt is missing"},
		{`{"prompt": " ", "answer": "x"}`, "prompt is empty"},
		{`{"prompt": "q"}`, "answer is missing"},
		{`{"prompt": "q", "answer": null}`, "answer is null"},
		{`{"prompt": "q", "answer": []}`, "answer has 0"},
		{`{"prompt": "q", "answer": " "}`, "answer is empty"},
		{`{"prompt": "q", "answer": {}}`, "answer is {}"},
		{`{"prompt": "q", "answer": true}`, "answer is true"},
		{`{"prompt": "q", "answer": "x", "score": "fuzzy"}`, `score is "fuzzy"`},
		{`{"prompt": "q", "answer": "x", "score": "numeric"}`, "no number"},
		{`{"prompt": "q", "answer": "5 or 6", "score": "numeric"}`, "no number"},
		{`{"prompt": "q", "answer": "x", "score": "choice"}`, "choices is missing"},
		{`{"prompt": "q", "answer": "C", "choices": ["a", "b"]}`, "none of the 2 choices"},
		{`{"prompt": "q", "answer": "A", "choices": ["a"]}`, "choices has 1"},
		{`{"prompt": "q", "answer": "(", "score": "regex"}`, "missing closing"},
		{`{"prompt": "q", "answer": "((a{999}){999}){999}", "score": "regex"}`, "invalid repeat count"},
		{`{"prompt": "q", "answer": "x", "tolerance": 1}`, "want numeric"},
		{`{"prompt": "q", "answer": 1, "score": "numeric", "tolerance": -1}`, "want 0 or more"},
	} {
		if _, err := ParseQuestion([]byte(c[0]), Exact); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %q in it", c[0], err, c[1])
		}
	}
}

// FuzzQuestion never panics.
func FuzzQuestion(f *testing.F) {
	f.Add([]byte(`{"prompt": "q", "answer": 1234.5, "score": "numeric", "tolerance": 0.1}`), "is 1,234.50 or 1e-3/7")
	f.Add([]byte(`{"prompt": "q", "choices": ["Rome", "Paris"], "answer": "B"}`), "B or é")
	f.Add([]byte(`{"prompt": "q", "answer": "(a|b)+c", "score": "regex"}`), "abc")
	f.Fuzz(func(t *testing.T, row []byte, content string) {
		q, err := ParseQuestion(row, Exact)
		if err != nil {
			return
		}
		if v := JudgeContent(q, content); v.Correct && v.Answer == nil {
			t.Errorf("%q: %+v", content, v)
		}
	})
}
