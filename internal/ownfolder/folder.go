// Package ownfolder makes folders that only their user may enter: for what tells more
// than others should know.
package ownfolder

import (
	"fmt"
	"os"
)

// Make makes a folder, and those above it, where it is missing, and one that only this
// user may enter. The error names the folder and says why it cannot be.
func Make(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := own(folder); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	return nil
}
