package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// indexVariable names the folder of wheels that the fake pip serves.
const indexVariable = "FAKE_INDEX"

// fakePython is what blitz takes for the machine's Python: of pip it knows --version
// and download, with pip's own words. Package hub tests the many ways in which a pip
// behaves.
func fakePython() {
	args := os.Args[1:]
	if args[len(args)-1] == "--version" {
		fmt.Println("pip 25.2 from /usr/lib (python 3.11)")
		return
	}
	spec, dest := args[len(args)-1], args[len(args)-2]
	name, version, _ := strings.Cut(spec, "==")
	found, _ := filepath.Glob(filepath.Join(os.Getenv(indexVariable), strings.ReplaceAll(name, "-", "_")+"-"+version+"*.whl"))
	if len(found) == 0 {
		fmt.Fprintf(os.Stderr, "ERROR: Could not find a version that satisfies the requirement %s (from versions: none)\nERROR: No matching distribution found for %s\n", spec, spec)
		os.Exit(1)
	}
	b, err := os.ReadFile(found[0])
	if err == nil {
		err = os.WriteFile(filepath.Join(dest, filepath.Base(found[0])), b, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ERROR:", err)
		os.Exit(1)
	}
}

// scriptWheel puts a file into a wheel of the fake index.
func scriptWheel(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: wheel PACKAGE VERSION FILE")
	}
	name, version := strings.ReplaceAll(args[0], "-", "_"), args[1]
	dist := name + "-" + version + ".dist-info/"
	files := []struct{ name, content string }{
		{name + "/" + filepath.Base(args[2]), ts.ReadFile(args[2])},
		{dist + "METADATA", fmt.Sprintf("Metadata-Version: 2.4\nName: %s\nVersion: %s\n", args[0], version)},
		{dist + "WHEEL", "Wheel-Version: 1.0\n"},
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	record := ""
	for i := 0; i <= len(files); i++ {
		f := struct{ name, content string }{dist + "RECORD", record + dist + "RECORD,,\n"}
		if i < len(files) {
			f = files[i]
			sum := sha256.Sum256([]byte(f.content))
			record += fmt.Sprintf("%s,sha256=%s,%d\n", f.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.content))
		}
		w, err := z.Create(f.name)
		ts.Check(err)
		_, err = w.Write([]byte(f.content))
		ts.Check(err)
	}
	ts.Check(z.Close())
	index := ts.Getenv(indexVariable)
	ts.Check(os.MkdirAll(index, 0o755))
	ts.Check(os.WriteFile(filepath.Join(index, name+"-"+version+"-py3-none-any.whl"), b.Bytes(), 0o644))
}
