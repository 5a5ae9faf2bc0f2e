//go:build amd64 && !purego

package kernel

// pause tells the processor that this thread waits for a memory word.
//
//go:noescape
func pause()
