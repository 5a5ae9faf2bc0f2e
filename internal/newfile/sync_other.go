//go:build !unix

package newfile

// SyncFolder does nothing where there is no such call: NTFS journals names.
func SyncFolder(string) error { return nil }
