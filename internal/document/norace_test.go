//go:build !race

package document

const raced = false
