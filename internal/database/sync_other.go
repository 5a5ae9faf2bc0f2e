//go:build !unix

package database

// cannotSync says that a system does not sync folders at all.
func cannotSync(error) bool { return true }
