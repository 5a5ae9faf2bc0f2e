package ui

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pageSources are the files beside src that the page is made of, as in web/build/sum.js.
var pageSources = []string{"build/first.js", "build/inline.js", "build/start.js", "build/sum.js", "index.html", "package-lock.json", "package.json", "tsconfig.json", "vite.config.ts"}

// sourceSum returns the sha256, in hexadecimal, of "NAME LENGTH\n" and the bytes of each
// source of the page in the order of their names. Tests do not count. web/build/sum.js
// computes the same when the page is built.
func sourceSum(web string) (string, error) {
	names := slices.Clone(pageSources)
	err := filepath.WalkDir(filepath.Join(web, "src"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".test.ts") || strings.HasSuffix(path, ".test.tsx") {
			return err
		}
		name, err := filepath.Rel(web, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(web, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")) // a checkout may have made them
		fmt.Fprintf(sum, "%s %d\n", name, len(text))
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// The page that is embedded was built from the sources that are committed with it.
func TestPageIsCurrent(t *testing.T) {
	want, err := sourceSum("web")
	if err != nil {
		t.Fatal(err)
	}
	p, err := readPage(packedPage)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<!-- sources ([0-9a-f]{64}) -->\n$`).FindSubmatch(p.plain)
	if m == nil {
		t.Fatal("page.html.gz does not end with the sum of its sources")
	}
	if got := string(m[1]); got != want {
		t.Errorf("page.html.gz was built from other sources (%s, want %s): npm ci && npm run build in internal/server/ui/web", got, want)
	}
}
