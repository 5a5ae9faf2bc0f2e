//go:build !linux

package machine

func useHugePages([]byte) bool { return false }
