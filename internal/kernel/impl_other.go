//go:build !amd64 || purego

package kernel

func hasImpl(i Impl) bool { return i == Portable }
