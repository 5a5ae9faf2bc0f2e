package machine

import (
	"runtime"
	"testing"
)

func TestResidentMemory(t *testing.T) {
	before, ok := ResidentMemory()
	if !ok {
		t.Skip("this system does not say what a process holds")
	}
	const size = 32 << 20
	b := make([]byte, size)
	for i := 0; i < len(b); i += 512 {
		b[i] = 1
	}
	after, _ := ResidentMemory()
	if got := after - before; got < size/2 {
		t.Errorf("%d bytes more were held after touching %d", got, size)
	}
	runtime.KeepAlive(b)
}
