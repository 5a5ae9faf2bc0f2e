//go:build race

package safetensors

// raceDetector says that times mean nothing: all code is many times slower.
const raceDetector = true
