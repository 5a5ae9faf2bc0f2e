//go:build !amd64 || purego

package kernel

// Without assembly these are never called.

type (
	productArgs struct{}
	unpackArgs  struct{}
	hold        struct{}
	amxScratch  struct{}
)

func (a *Q8) quantiseAsm(q8Vector, []float32) { panic("kernel: no assembly in this build") }

func productAsm([]float32, int, *Q8, *Matrix, int, int, *Scratch) {
	panic("kernel: no assembly in this build")
}

func floatProductAsm([]float32, int, *F32, *Matrix, int, int, int, *Scratch) {
	panic("kernel: no assembly in this build")
}
