//go:build !race

package gguf

const raceDetector = false
