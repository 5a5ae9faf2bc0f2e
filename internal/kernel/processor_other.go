//go:build !amd64 || purego

package kernel

// processor is not asked for where there is one way to read alone.
func processor() (vendor string, family, model int) { return "", 0, 0 }
