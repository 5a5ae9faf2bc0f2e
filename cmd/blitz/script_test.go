package main

import (
	"errors"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/blitz-r1/blitz/internal/golden/fakehub"
	"github.com/blitz-r1/blitz/internal/golden/fakemcp"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	if os.Getenv(mcpVariable) != "" {
		fakemcp.Main()
		return
	}
	testscript.Main(m, programs)
}

// programs are what the tests' program is by other names.
var programs = map[string]func(){"blitz": main, "python3": fakePython, "fakemcp": fakemcp.Main}

// TestScript runs every command line of testdata/script, each script in a folder
// and with a store of its own.
//
// Beside testscript's own commands there are
//
//	code N COMMAND…      runs a command, which has to end with exit code N
//	tinymodel FOLDER     a random llama with a tokenizer of bytes, as a folder; see tiny_test.go
//	tinylora FOLDER      a low-rank adapter of that model
//	tinygguf FILE        the same as a GGUF file
//	tinylatent FILE      a small deepseek2 of zeros with the same tokenizer, in the form of old files
//	puppet FILE          a model whose every answer is known; see package puppet
//	hugelatent FILE      one in the shape of DeepSeek-R1, all holes
//	wheel PACKAGE VERSION FILE  puts a file into a wheel that the fake pip serves
//	hub FILE [SIZE]      serves a file, said to be of that size, as every repository of a hub that HF_ENDPOINT names
//	resize FILE N        cuts a file to N bytes, or makes it longer
//	waitfor COMMAND…     runs a command again and again until it succeeds
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for i, pair := range e.Vars {
				if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "BLITZ_") {
					e.Vars[i] = "UNUSED="
				}
			}
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("XDG_RUNTIME_DIR", filepath.Join(e.WorkDir, "run"))
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "share"))
			e.Setenv(indexVariable, filepath.Join(e.WorkDir, "index"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code":       scriptCode,
			"tinymodel":  func(ts *testscript.TestScript, _ bool, args []string) { scriptTiny(ts, args, writeTinyFolder) },
			"tinygguf":   func(ts *testscript.TestScript, _ bool, args []string) { scriptTiny(ts, args, writeTinyGGUF) },
			"tinylora":   func(ts *testscript.TestScript, _ bool, args []string) { scriptTiny(ts, args, writeTinyLoRA) },
			"tinylatent": func(ts *testscript.TestScript, _ bool, args []string) { scriptTiny(ts, args, smallLatentShape.write) },
			"hugelatent": func(ts *testscript.TestScript, _ bool, args []string) { scriptTiny(ts, args, r1Shape.write) },
			"puppet":     func(ts *testscript.TestScript, _ bool, args []string) { scriptTiny(ts, args, puppet.WithTools().Write) },
			"hub":        scriptHub,
			"resize":     scriptResize,
			"waitfor":    scriptWaitFor,
			"wheel":      scriptWheel,
		},
	})
}

func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%s: %v", args[1], err)
	}
	ts.Logf("[stdout]\n%s[stderr]\n%s", ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func scriptTiny(ts *testscript.TestScript, args []string, write func(path string) error) {
	if len(args) != 1 {
		ts.Fatalf("want one path, got %d arguments", len(args))
	}
	ts.Check(write(ts.MkAbs(args[0])))
}

func scriptHub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: hub FILE [SIZE]")
	}
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	hub := fakehub.New(map[string][]byte{args[0]: data})
	if len(args) == 2 {
		hub.Size, err = strconv.Atoi(args[1])
		ts.Check(err)
	}
	server := httptest.NewServer(hub)
	ts.Defer(server.Close)
	ts.Setenv("HF_ENDPOINT", server.URL)
}

func scriptResize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: resize FILE N")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// scriptWaitFor gives up only where something hangs.
func scriptWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: waitfor COMMAND…")
	}
	for range 600 {
		if ts.Exec(args[0], args[1:]...) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s never succeeded", strings.Join(args, " "))
}
