package hub

import (
	"os"

	"golang.org/x/sys/windows"
)

// hasOtherNames reports whether a file has a further hard link.
func hasOtherNames(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var about windows.ByHandleFileInformation
	err = windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &about)
	return err == nil && about.NumberOfLinks > 1
}
