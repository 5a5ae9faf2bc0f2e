package safetensors

import (
	"fmt"
	"strings"
	"testing"
)

// checkpoint is a file of n tensors with names as published models have, and about
// size bytes.
func checkpoint(n, size int) []byte {
	var b strings.Builder
	each := size / n / 4
	b.WriteString(`{"__metadata__":{"format":"pt"}`)
	for i := range n {
		fmt.Fprintf(&b, `,"model.layers.%d.mlp.experts.%d.down_proj.weight":{"dtype":"F32","shape":[1,%d],"data_offsets":[%d,%d]}`,
			i/256, i%256, each, 4*i*each, 4*(i+1)*each)
	}
	b.WriteByte('}')
	return append(file(b.String(), 0), make([]byte, 4*each*n)...)
}

func BenchmarkParse(b *testing.B) {
	file := checkpoint(90_000, 4*90_000)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, file)
	}
}
