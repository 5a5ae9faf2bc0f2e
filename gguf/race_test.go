//go:build race

package gguf

// raceDetector says that times mean nothing: all code is many times slower.
const raceDetector = true
