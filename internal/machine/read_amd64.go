//go:build amd64 && !purego

package machine

import "golang.org/x/sys/cpu"

//go:noescape
func read1AVX512(p *byte, stride, n, ahead int)

//go:noescape
func read2AVX512(p *byte, stride, n, ahead int)

//go:noescape
func read4AVX512(p *byte, stride, n, ahead int)

//go:noescape
func read1AVX2(p *byte, stride, n, ahead int)

//go:noescape
func read2AVX2(p *byte, stride, n, ahead int)

//go:noescape
func read4AVX2(p *byte, stride, n, ahead int)

// readers returns the routines that read, the widest loads first.
func readers() []reader {
	var list []reader
	if cpu.X86.HasAVX512F {
		list = append(list, reader{"512-bit loads", []stream{{1, read1AVX512}, {2, read2AVX512}, {4, read4AVX512}}, true})
	}
	if cpu.X86.HasAVX2 {
		list = append(list, reader{"256-bit loads", []stream{{1, read1AVX2}, {2, read2AVX2}, {4, read4AVX2}}, true})
	}
	if list == nil {
		list = append(list, portableReader)
	}
	return list
}
