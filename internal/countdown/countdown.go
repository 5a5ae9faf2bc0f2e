// Package countdown is the model that the program carries: a small one that reasons about
// Countdown and arithmetic, and that needs no file, no store and no network. README.md says where
// it comes from, and how right it is.
//
//	go run ./internal/countdown/update DIR    takes another one, of blitz train recipe
package countdown

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"strings"
	"sync"
)

// Name is what the model is called. No model of the store has this name.
const Name = "countdown"

// Path is what stands for the model where others have a path. No path that a system gives looks
// like it.
const Path = "blitz:///" + Name

const folder = "model"

//go:embed model
var embedded embed.FS

// sums are the SHA-256 of the files, as sha256sum prints them.
//
//go:embed sums.txt
var sums string

// Can returns what the model can do, as words behind "can".
func Can() string { return strings.TrimSpace(can) }

//go:embed can.txt
var can string

// Files are the model's: those of a Hugging Face folder.
var Files = sync.OnceValue(func() fs.FS {
	files, err := fs.Sub(embedded, folder)
	if err != nil {
		panic(err) // the folder's name is none
	}
	return files
})

// Sums returns the SHA-256 that the files have to have, by their names.
var Sums = sync.OnceValue(func() map[string][sha256.Size]byte {
	of := map[string][sha256.Size]byte{}
	for line := range strings.Lines(sums) {
		digits, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		raw, err := hex.DecodeString(digits)
		if err != nil || len(raw) != sha256.Size {
			panic("countdown: sums.txt: " + line) // what the package's test holds
		}
		of[name] = [sha256.Size]byte(raw)
	}
	return of
})
