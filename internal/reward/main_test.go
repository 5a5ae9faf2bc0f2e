package reward

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/sandbox"
)

// TestMain is the program whose children the tests run, and the programs that they ask.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "confine":
			os.Exit(sandbox.Main(os.Args[2:]))
		case "script":
			os.Exit(ScriptMain())
		case "answer":
			os.Exit(answerLines(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

// answerLines is a program that is asked, well or badly.
func answerLines(how string) int {
	in := bufio.NewReader(os.Stdin)
	for n := 0; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil {
			return 0
		}
		switch how {
		case "length":
			fmt.Printf("{\"reward\": %d, \"note\": \"bytes\"}\n", strings.Count(line, "a"))
		case "count":
			fmt.Println(n)
		case "null":
			fmt.Println("null")
		case "crash":
			if strings.Contains(line, "boom") {
				fmt.Fprintln(os.Stderr, "it went boom")
				return 3
			}
			fmt.Println(1)
		case "silent":
			time.Sleep(time.Hour)
		case "two":
			fmt.Print("1\n2\n")
		case "long":
			fmt.Println(strings.Repeat("x", maxAnswered+2))
		case "words":
			fmt.Println("\"one\"")
		case "deep":
			fmt.Println("{\"reward\":" + strings.Repeat("[", 10000) + "}")
		case "nan":
			fmt.Println("NaN")
		case "huge":
			fmt.Println("1e999")
		case "error":
			fmt.Println(`{"error": "no\u001b[31m idea"}`)
		case "home":
			_, err := os.ReadDir("/root")
			_, err2 := os.ReadFile(os.Args[0])
			fmt.Printf("{\"reward\": %v, \"note\": \"%v\"}\n", map[bool]int{true: 1}[err != nil && err2 == nil], err)
		}
	}
}

// ready makes rewards ready for a test.
func ready(t *testing.T, o Options, rewards ...Reward) *Scorer {
	t.Helper()
	o.Confine, o.Script = []string{os.Args[0], "confine"}, []string{os.Args[0], "script"}
	s, err := New(t.Context(), rewards, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// needSandbox skips a test where the system cannot confine programs.
func needSandbox(t *testing.T) {
	t.Helper()
	if err := sandbox.Check(); err != nil {
		t.Skip(err)
	}
}

// needProgram is needSandbox of a test that runs this program in it.
func needProgram(t *testing.T) {
	t.Helper()
	needSandbox(t)
	if raced {
		t.Skip("the race detector reserves more memory than a box gives")
	}
}

// one scores a sample.
func one(t *testing.T, s *Scorer, sample Sample) Outcome {
	t.Helper()
	out, err := s.Score(t.Context(), []Sample{sample})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}
