package model

import (
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// binder ties the tensors of a file to the typed fields of a model: each is found by
// name, its shape and type are checked, the field is told what it holds (Param), and a
// plan is made for packing it. After that nothing is looked up by name. The first error
// is kept.
type binder struct {
	src     source
	blank   *blankSource // the source, where it has what is asked for; nil: it is a file
	family  *family
	options Options
	hf      bool
	prefix  [2]string       // of a checkpoint's names
	head    string          // what a checkpoint calls the output matrix
	embed   Embedding       // of the model
	taken   map[string]bool // tensors that were bound
	plan    []packing
	linears []*Linear                      // that were bound
	unread  map[string][]int               // shapes of tensors that are of no use, by name
	sparse  []sparseLayer                  // in the order of the plan
	scales  map[string]*weights.BlockScale // of FP8 tensors
	called  map[string]Role                // what is asked for, by its name in a checkpoint; nil: nobody wants to know
	layers  int                            // of the model, without modules of multi-token prediction
	modules bool                           // every module of multi-token prediction is bound, not the first alone
	damaged bool                           // an image of the weights was, and is gone
	err     error
	weights []*Weight // all that was bound, in that order
}

// packing is a matrix that is to be packed from a tensor.
type packing struct {
	matrix *kernel.Matrix
	name   string
	from   int // first byte of the tensor's data that is the matrix
	src    weights.Source
	gather *gather // nil: its rows lie one behind the other
}

// newBinder prepares binding the weights of a model of that family.
func newBinder(src source, f *family, o Options) *binder {
	_, hf := src.(hfSource)
	blank, made := src.(*blankSource)
	b := &binder{src: src, blank: blank, family: f, options: o, hf: hf || made, taken: map[string]bool{}}
	if b.hf {
		b.prefix = hfPrefix(src, f)
		if b.head = hfHead(src, b.prefix); f.hfTop["output"] != "" {
			b.head = f.hfTop["output"]
		}
	}
	return b
}

// name returns what the file calls a tensor.
func (b *binder) name(role string, layer int, part string) string {
	if !b.hf {
		return ggufName(role, layer, part)
	}
	name := b.hfName(role, layer, part)
	if b.called != nil {
		b.called[name] = Role{Name: role, Layer: layer, Part: part, Expert: noExpert}
	}
	return name
}

func (b *binder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// has says whether a tensor is there.
func (b *binder) has(role string, layer int, part string) bool {
	_, ok := b.src.find(b.name(role, layer, part))
	return ok
}

// may says whether a tensor is there, or can be.
func (b *binder) may(role string, layer int, part string) bool {
	return b.blank != nil || b.has(role, layer, part)
}

// find returns a tensor that must be there in that shape, and takes it.
func (b *binder) find(name string, shape ...int) (tensor.Tensor, bool) {
	if b.err != nil {
		return tensor.Tensor{}, false
	}
	if b.blank != nil {
		if _, err := b.blank.want(name, shape); err != nil {
			b.fail(err)
			return tensor.Tensor{}, false
		}
	}
	t, ok := b.src.find(name)
	if !ok {
		b.fail(wrongTensor(b.src, name, "is missing", tensor.ShapeString(shape)))
		return t, false
	}
	if !slices.Equal(t.Shape, shape) {
		b.fail(wrongTensor(b.src, name, "shape "+tensor.ShapeString(t.Shape), tensor.ShapeString(shape)))
		return t, false
	}
	b.taken[name] = true
	return t, true
}

// floats returns the numbers of a tensor of a float type, all of them finite.
func (b *binder) floats(t tensor.Tensor) []float32 {
	n, _ := tensor.Elements(t.Shape)
	data, err := b.src.data(t.Name)
	if err != nil {
		b.fail(fmt.Errorf("model: %w", err))
		return nil
	}
	v := make([]float32, n)
	if err := quant.Decode(v, t.DType, data); err != nil {
		b.fail(fmt.Errorf("model: %s: tensor %s: %w", b.src.name(), t.Name, err))
		return nil
	}
	for i, x := range v {
		if !quant.IsFinite(x) {
			b.fail(wrongTensor(b.src, t.Name, fmt.Sprintf("element %d is %v", i, x), "numbers"))
			return nil
		}
	}
	return v
}

// vector returns a tensor of n numbers as float32, and says what it is.
func (b *binder) vector(role string, layer int, part string, n int) ([]float32, Param) {
	return b.named(b.name(role, layer, part), n)
}

// named is vector of a tensor by the name that the file has.
func (b *binder) named(name string, n int) ([]float32, Param) {
	t, ok := b.find(name, n)
	if !ok {
		return nil, Param{}
	}
	if !t.DType.IsFloat() {
		b.fail(wrongTensor(b.src, name, "type "+t.DType.String(), "a float type"))
		return nil, Param{}
	}
	v, p := b.floats(t), Param{Tensor: name, Rows: 1, Cols: n}
	b.weights = append(b.weights, &Weight{Param: p, Shape: t.Shape, Vector: v, Corrects: noLayer})
	return v, p
}

// norm binds the weights of a norm over n elements.
func (b *binder) norm(dst *Norm, role string, layer, n int, eps float32) {
	dst.W, dst.Param = b.vector(role, layer, ".weight", n)
	dst.Eps = eps
	if b.hf && b.family.shiftedNorms { // GGUF files store them whole
		for i := range dst.W {
			dst.W[i]++
		}
		b.last().Shift = 1
	}
}

// layerNorm binds the weights and biases of a norm with mean.
func (b *binder) layerNorm(dst *LayerNorm, role string, layer, n int, eps float32) {
	dst.W, dst.Param = b.vector(role, layer, ".weight", n)
	dst.B, dst.BiasParam = b.vector(role, layer, ".bias", n)
	dst.Eps = eps
}

// linear binds a matrix [rows, cols]. A GGUF file may add a bias to any; a checkpoint
// has those that its configuration tells, which biased binds.
func (b *binder) linear(dst *Linear, role string, layer, rows, cols int) {
	b.linearPart(dst, role, ".weight", layer, rows, cols)
}

// linearPart is linear for a tensor whose name may end otherwise.
func (b *binder) linearPart(dst *Linear, role, part string, layer, rows, cols int) {
	t, ok := b.find(b.name(role, layer, part), rows, cols)
	if !ok {
		return
	}
	b.rows(dst, t, 0, rows, cols, 0)
	if !b.hf && b.has(role, layer, ".bias") {
		b.bias(dst, role, layer, rows)
	}
}

// row binds a matrix of one row [1, cols], which a GGUF file may have as a vector.
func (b *binder) row(dst *Linear, role string, layer, cols int) {
	name := b.name(role, layer, ".weight")
	shape := []int{1, cols}
	if t, ok := b.src.find(name); ok && !b.hf && len(t.Shape) == 1 {
		shape = shape[1:]
	}
	if t, ok := b.find(name, shape...); ok {
		b.rows(dst, t, 0, 1, cols, 0)
	}
}

// biased binds a matrix [rows, cols] with the bias that it has to have, or without one.
func (b *binder) biased(dst *Linear, bias bool, role string, layer, rows, cols int) {
	b.linear(dst, role, layer, rows, cols)
	switch {
	case !bias || b.err != nil:
	case !b.may(role, layer, ".bias"):
		b.fail(wrongTensor(b.src, b.name(role, layer, ".bias"), "is missing", "the bias that models of this kind have"))
	case dst.Bias == nil:
		b.bias(dst, role, layer, rows)
	}
}

func (b *binder) bias(dst *Linear, role string, layer, rows int) {
	b.biasOf(dst, b.name(role, layer, ".bias"), rows)
}

// biasOf binds the bias of that name.
func (b *binder) biasOf(dst *Linear, name string, rows int) {
	bias, p := b.named(name, rows)
	dst.Bias, dst.BiasParam = make([]float32, dst.Blocks()*kernel.RowBlock), p
	copy(dst.Bias, bias)
	b.last().Vector = dst.Bias[:rows]
}

// embedding binds a table of token vectors.
func (b *binder) embedding(dst *Embedding, name string, vocab, width int) {
	t, ok := b.find(name, vocab, width)
	if !ok {
		return
	}
	var l Linear
	b.rows(&l, t, 0, vocab, width, 0)
	if b.err == nil {
		dst.Matrix, dst.Param = l.Matrix, l.Param
		b.linears = b.linears[:len(b.linears)-1] // a table is no linear layer
		b.plan[len(b.plan)-1].matrix, b.last().Matrix = &dst.Matrix, &dst.Matrix
		b.last().Table = true
	}
}

// rows binds a matrix that is rows first … first+n-1 of a tensor with rows of cols.
// index is its number where the tensor holds several, for the factors of NVFP4.
func (b *binder) rows(dst *Linear, t tensor.Tensor, first, n, cols, index int) {
	if b.err != nil {
		return
	}
	m, err := weights.New(t.Name, t.DType, n, cols)
	if err != nil {
		b.refuseType(t, err)
		return
	}
	if b.options.Masters {
		if !m.IsFloat() {
			b.fail(wrongTensor(b.src, t.Name, "type "+t.DType.String(), "a float type: quantised weights are not trained, adapters on them are"))
			return
		}
		m = kernel.NewFloatMatrix(n, cols, tensor.F32, nil)
	}
	dst.Matrix, dst.Param = m, Param{Tensor: t.Name, First: first, Rows: n, Cols: cols}
	b.linears = append(b.linears, dst)
	b.weights = append(b.weights, &Weight{Param: dst.Param, Shape: t.Shape, Matrix: &dst.Matrix, Corrects: noLayer})
	b.plans(&dst.Matrix, t, first, cols, index, false)
}

// turned binds a float32 matrix [cols, n] whose columns are such rows.
func (b *binder) turned(dst *Linear, t tensor.Tensor, first, n, cols int) {
	if b.err != nil {
		return
	}
	if _, err := weights.New(t.Name, t.DType, 1, cols); err != nil {
		b.refuseType(t, err)
		return
	}
	dst.Matrix = kernel.NewFloatMatrix(cols, n, tensor.F32, nil)
	dst.Param = Param{Tensor: t.Name, First: first, Rows: n, Cols: cols, Turned: true}
	b.linears = append(b.linears, dst)
	b.weights = append(b.weights, &Weight{Param: dst.Param, Shape: t.Shape, Matrix: &dst.Matrix, Corrects: noLayer})
	b.plans(&dst.Matrix, t, first, cols, 0, true)
}

// refuseType refuses a tensor of no weight type, or whose blocks do not fit its rows.
func (b *binder) refuseType(t tensor.Tensor, err error) {
	if _, dataErr := b.src.data(t.Name); dataErr != nil { // a type that is only listed
		err = dataErr
	}
	b.fail(fmt.Errorf("model: %s: %w: %w", b.src.name(), err, ErrTensor))
}

// plans adds a matrix to the plan, which begins at row first of a tensor.
func (b *binder) plans(m *kernel.Matrix, t tensor.Tensor, first, cols, index int, turned bool) {
	src := weights.Source{Type: t.DType, Factor: b.factor(t, index), Divisor: b.divisor(t), Scales: b.blockScales(t), Turned: turned}
	if src.Scales != nil && first > 0 {
		shifted := *src.Scales
		shifted.FirstRow = first
		src.Scales = &shifted
	}
	p := packing{matrix: m, name: t.Name, from: first * t.DType.RowBytes(cols), src: src}
	if write := b.src.writer(t.Name); write != nil {
		p.gather = &gather{how: "as " + t.DType.String(), made: true, rows: func(dst, _ []byte, r, n int) error { return write(dst, first+r, n) }}
	}
	b.plan = append(b.plan, p)
}
