//go:build unix

package tensor

import "golang.org/x/sys/unix"

func mapMemory(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err == nil {
		adviseHuge(b)
	}
	return b, err
}

func unmapMemory(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic("tensor: memory freed that was not mapped: " + err.Error())
	}
}
