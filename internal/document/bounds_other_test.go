//go:build !linux

package document

const bounds = false
