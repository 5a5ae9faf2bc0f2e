// Command update takes another model for the program to carry: the last student of a run of
// blitz train recipe, in bfloat16, and the state that its last steps begin with.
//
//	go run ./internal/countdown/update recipe          of blitz train recipe --out recipe
//	go run ./internal/countdown/update -demo demo      of blitz train demo --out demo, without a state
//
// It is run at the root of the repository. internal/countdown/README.md and docs/TRAINING.md say
// where the model comes from, and a test that the digest stands there: they are written by hand.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train/letters"
	"github.com/blitz-r1/blitz/internal/train/recipe"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// What the models can do.
const (
	demoCan   = "Countdown (3 5 7 = 22)"
	recipeCan = "Countdown (3 5 7 = 22) and arithmetic (3*(5+7))"
)

// What the program carries has so many bytes at most, and so has the state.
const (
	maxModel = 3_000_000
	maxState = 4_000_000
)

func main() {
	demo := flag.Bool("demo", false, "the folder is one of blitz train demo")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "update: want one folder")
		os.Exit(2)
	}
	if err := update(filepath.Join("internal", "countdown"), flag.Arg(0), *demo); err != nil {
		fmt.Fprintln(os.Stderr, "update:", err)
		os.Exit(1)
	}
}

// update puts the model of a run in the place of the one in the package's folder.
func update(pkg, run string, demo bool) error {
	if _, err := os.Stat(filepath.Join(pkg, "countdown.go")); err != nil {
		return fmt.Errorf("%w: it is run at the root of the repository", err)
	}
	to, state := filepath.Join(pkg, "model"), filepath.Join(pkg, "testdata", "state")
	if err := errors.Join(os.RemoveAll(to), os.RemoveAll(state)); err != nil {
		return err
	}
	can := recipeCan
	if demo {
		can = demoCan
		if err := takeDemo(to, filepath.Join(run, "model")); err != nil {
			return err
		}
	} else {
		if err := errors.Join(os.CopyFS(to, os.DirFS(filepath.Join(run, recipe.ExportName))), os.CopyFS(state, os.DirFS(filepath.Join(run, recipe.StateName)))); err != nil {
			return err
		}
		if _, err := sums(state, maxState); err != nil {
			return err
		}
	}
	text, err := sums(to, maxModel)
	if err != nil {
		return err
	}
	return errors.Join(newfile.Write(filepath.Join(pkg, "sums.txt"), []byte(text)), newfile.Write(filepath.Join(pkg, "can.txt"), []byte(can+"\n")))
}

// takeDemo writes the model of train demo in bfloat16, with what it takes to talk to it: it knows
// no tag that begins reasoning, so that its tokenizer passes over that of the template.
func takeDemo(to, from string) error {
	files, err := checkpoint.Open(from)
	if err != nil {
		return err
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{Masters: true, SharedEnds: true, Interrupted: context.Background().Err})
	if err != nil {
		return err
	}
	defer m.Close()
	if err := trained.Write(to, files, m.Weights(), trained.BF16); err != nil {
		return err
	}
	if err := change(filepath.Join(to, "tokenizer.json"), "normalizer", letters.Object{"type": "Replace", "pattern": letters.Object{"String": "<think>"}, "content": ""}); err != nil {
		return err
	}
	if err := change(filepath.Join(to, "tokenizer_config.json"), "chat_template", recipe.Template); err != nil {
		return err
	}
	return newfile.Write(filepath.Join(to, recipe.GenerationName), recipe.Generation())
}

// change gives a key of a JSON object in a file another value.
func change(path, key string, value any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	object := letters.Object{}
	if err := json.Unmarshal(text, &object); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	object[key] = value
	return newfile.Write(path, letters.JSON(object))
}

// sums returns the SHA-256 of the files of a folder, as sha256sum prints them. They have so many
// bytes at most.
func sums(folder string, most int) (string, error) {
	files, err := fs.ReadDir(os.DirFS(folder), ".")
	if err != nil {
		return "", err
	}
	var lines []string
	size := 0
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return "", err
		}
		size += len(b)
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(b), f.Name()))
	}
	if size > most {
		return "", fmt.Errorf("%s: %d bytes, want at most %d", folder, size, most)
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2*sha256.Size:], b[2*sha256.Size:]) })
	return strings.Join(lines, ""), nil
}
