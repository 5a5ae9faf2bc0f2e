//go:build !linux

package mapping

import "os"

func mapHuge(f *os.File, size int) (b []byte, mapped bool, err error) { return mapFile(f, size) }
