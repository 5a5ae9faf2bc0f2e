// Command plot draws measurements: the CSV that blitz bench --csv writes, and older files of
// bench with the same columns, as SVG on its output.
//
//	go run ./bench/plot bench/2026-11-30-amd.csv > bench/2026-11-30-amd.svg
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: plot FILE.csv… > FILE.svg")
		os.Exit(2)
	}
	if err := plot(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

// plot draws what some files hold.
func plot(paths []string) error {
	var all []measure
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		some, err := read(f)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, some...)
	}
	_, err := os.Stdout.WriteString(draw(panels(all)))
	return err
}
