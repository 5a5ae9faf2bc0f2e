//go:build amd64 && !purego && !linux

package kernel

import "errors"

// askForTiles says that this build does not know how to ask this system.
func askForTiles() error { return errors.New("tiles of AMX are used on Linux alone") }
