//go:build !amd64 || purego

package kernel

import "runtime"

// pause lets another thread run while this one waits for a memory word.
func pause() { runtime.Gosched() }
