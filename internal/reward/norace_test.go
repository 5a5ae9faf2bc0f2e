//go:build !race

package reward

const raced = false
