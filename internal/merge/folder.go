package merge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// ErrPlace is a place that the merged model cannot go to.
var ErrPlace = errors.New("want a name that nothing has")

// Options say how a folder is merged.
type Options struct {
	// Type is F32, F16 or BF16, that of all matrices; Invalid: each keeps its own, and
	// what has eight bits with scales becomes BF16.
	Type    tensor.DType
	Threads int // 0: all processors
	// Progress is told how many bytes of the new weights are written; nil: nobody is.
	Progress func(done, total int64)
}

// Folder writes the model of a folder of safetensors with an adapter added, and all that
// stands beside its weights, to a new folder. Until it is whole it has another name. The
// errors wrap adapter.ErrFormat, safetensors.ErrFormat, model.ErrTensor and others of
// model.Open, ErrPlace, or are of ctx or the file system.
func Folder(ctx context.Context, files *checkpoint.Checkpoint, a *adapter.Adapter, out string, o Options) error {
	x, err := model.NewMerge(files, a)
	if err != nil {
		return err
	}
	weights, err := files.Safetensors()
	if err != nil {
		return err
	}
	if err := checkPlace(out); err != nil {
		return err
	}
	part := fmt.Sprintf("%s.%08x.partial", filepath.Clean(out), rand.Uint32())
	if err := os.Mkdir(part, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(part) // of no effect once it has its name
	w := &writing{files: files, weights: weights, merge: x, out: part, options: o}
	if err := weights.Guard(func() error { return w.write(ctx) }); err != nil {
		return err
	}
	if err := os.Remove(out); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty one
		return err
	}
	return os.Rename(part, out)
}

// checkPlace refuses a name that has something already.
func checkPlace(out string) error {
	entries, err := os.ReadDir(out)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(entries) == 0:
		return nil
	case err == nil:
		return fmt.Errorf("merge: %s: is a folder with files: %w", out, ErrPlace)
	}
	if _, err := os.Stat(out); err == nil {
		return fmt.Errorf("merge: %s: is a file: %w", out, ErrPlace)
	}
	return err
}

// writing is a folder that is written.
type writing struct {
	files   *checkpoint.Checkpoint
	weights *safetensors.File
	merge   *model.Merge
	out     string
	options Options

	scaled      map[string]safetensors.Tensor // scales of FP8 weights, by the name of the weight
	tensors     []merged
	done, total int64
	bytes       []byte
	rows        []float32
}

// merged is a tensor of the new folder.
type merged struct {
	safetensors.Tensor
	stored, to tensor.DType
	rows, cols int
	plain      bool // copied as it is
}

const (
	scaleSuffix = "_scale_inv"
	scaleBlock  = 128 // rows and columns of FP8 weights that share a scale
	// piece is how many numbers are merged at a time, unless a row has more.
	piece = 1 << 22
)

func (w *writing) write(ctx context.Context) error {
	if err := w.plan(); err != nil {
		return err
	}
	parts := w.weights.Parts()
	for i, name := range parts {
		if err := w.shard(ctx, i, name); err != nil {
			return err
		}
	}
	if len(parts) > 1 {
		if err := w.index(parts); err != nil {
			return err
		}
	}
	if err := w.config(); err != nil {
		return err
	}
	return w.beside(ctx)
}

// plan finds out what becomes of each tensor.
func (w *writing) plan() error {
	w.scaled = map[string]safetensors.Tensor{}
	all := w.weights.Tensors()
	for _, t := range all {
		if weight, ok := strings.CutSuffix(t.Name, scaleSuffix); ok {
			if of, ok := w.weights.Tensor(weight); ok && of.DType == safetensors.F8_E4M3 {
				w.scaled[weight] = t
			}
		}
	}
	for _, t := range all {
		weight, isScale := strings.CutSuffix(t.Name, scaleSuffix)
		if _, used := w.scaled[weight]; isScale && used {
			continue // the weight has them
		}
		d, known := tensor.ParseDType(string(t.DType))
		m := merged{Tensor: t, stored: d, to: d, rows: 1, cols: 1}
		if n := len(t.Shape); n > 0 {
			m.cols = t.Shape[n-1]
			m.rows, _ = tensor.Elements(t.Shape[:n-1]) // the file was checked
		}
		if known && d.IsFloat() {
			m.to = w.typeOf(&m)
		}
		m.plain = m.to == m.stored && !w.merge.Has(t.Name)
		w.total += int64(m.rows) * int64(m.cols) * int64(size(&m))
		w.tensors = append(w.tensors, m)
	}
	return nil
}

// size returns the bytes of an element of the new tensor.
func size(m *merged) int {
	if m.plain {
		return m.DType.Size()
	}
	return m.to.BlockBytes()
}

// typeOf returns the type that a float tensor gets. Vectors stay float32 where they are.
func (w *writing) typeOf(m *merged) tensor.DType {
	vector := len(m.Shape) < 2
	switch {
	case vector && m.stored == tensor.F32:
		return tensor.F32
	case w.options.Type != tensor.Invalid:
		return w.options.Type
	case m.stored == tensor.F8E4M3 || m.stored == tensor.F8E5M2:
		return tensor.BF16
	}
	return m.stored
}

// shard writes one file of weights.
func (w *writing) shard(ctx context.Context, shard int, name string) error {
	out, err := safetensors.Create(filepath.Join(w.out, name))
	if err != nil {
		return err
	}
	defer out.Abort()
	_ = out.Put("format", "pt") // the first error stays, and Close returns it
	for i := range w.tensors {
		if m := &w.tensors[i]; m.Shard == shard {
			d := m.DType
			if !m.plain {
				d = safetensors.DType(m.to.String())
			}
			_ = out.Declare(m.Name, d, m.Shape...)
		}
	}
	for i := range w.tensors {
		if m := &w.tensors[i]; m.Shard == shard {
			if err := w.tensor(ctx, out, m); err != nil {
				return err
			}
		}
	}
	return out.Close()
}

// tensor writes one tensor.
func (w *writing) tensor(ctx context.Context, out *safetensors.Writer, m *merged) error {
	defer w.weights.Release(m.Tensor)
	if m.plain {
		data, err := w.weights.Bytes(m.Tensor)
		if err != nil {
			return err
		}
		w.report(len(data))
		return out.WriteTensor(m.Name, data)
	}
	return out.CopyTensor(m.Name, &pieces{ctx: ctx, w: w, m: m})
}

func (w *writing) report(n int) {
	if w.done += int64(n); w.options.Progress != nil {
		w.options.Progress(w.done, w.total)
	}
}

// pieces reads a merged tensor, some rows at a time.
type pieces struct {
	ctx  context.Context
	w    *writing
	m    *merged
	next int    // row
	left []byte // of those that are made
}

// Read gives what is made, and makes more.
func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		if p.next == p.m.rows {
			return 0, io.EOF
		}
		if err := p.ctx.Err(); err != nil {
			return 0, err
		}
		n := min(max(1, piece/max(p.m.cols, 1)), p.m.rows-p.next)
		if err := p.w.make(p.m, p.next, n); err != nil {
			return 0, err
		}
		p.left, p.next = p.w.bytes, p.next+n
		p.w.report(len(p.left))
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}

// make merges n rows, on all threads, into w.bytes.
func (w *writing) make(m *merged, first, n int) error {
	data, err := w.weights.Bytes(m.Tensor)
	if err != nil {
		return err
	}
	var scales []float32
	if s, ok := w.scaled[m.Name]; ok {
		if scales, err = w.floats(s); err != nil {
			return err
		}
	}
	w.rows, w.bytes = tensor.Resize(w.rows, n*m.cols), tensor.Resize(w.bytes, n*m.cols*m.to.BlockBytes())
	threads := w.options.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	threads = min(threads, n)
	errs := make([]error, threads)
	var group sync.WaitGroup
	for i := range threads {
		group.Go(func() {
			errs[i] = w.weights.Guard(func() error {
				return w.mergeRows(m, data, scales, first, n*i/threads, n*(i+1)/threads)
			})
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// mergeRows merges rows from … to-1 of those that begin at row first.
func (w *writing) mergeRows(m *merged, data []byte, scales []float32, first, from, to int) error {
	stored := m.stored.RowBytes(m.cols)
	for r := from; r < to; r++ {
		row := w.rows[r*m.cols : (r+1)*m.cols]
		if err := quant.Decode(row, m.stored, data[(first+r)*stored:(first+r+1)*stored]); err != nil {
			return w.refuse(m, "%v", err)
		}
		if scales != nil {
			of := scales[(first+r)/scaleBlock*((m.cols+scaleBlock-1)/scaleBlock):]
			for k := range row {
				row[k] *= of[k/scaleBlock]
			}
		}
		w.merge.Add(m.Name, first+r, row, m.cols)
		size := m.to.RowBytes(m.cols)
		if err := encode(w.bytes[r*size:(r+1)*size], m.to, row); err != nil {
			return w.refuse(m, "row %d, %v", first+r, err)
		}
	}
	return nil
}

// floats returns the numbers of a tensor of scales. The binder has checked their shape.
func (w *writing) floats(t safetensors.Tensor) ([]float32, error) {
	d, _ := tensor.ParseDType(string(t.DType))
	n, _ := tensor.Elements(t.Shape)
	data, err := w.weights.Bytes(t)
	if err != nil {
		return nil, err
	}
	v := make([]float32, n)
	return v, quant.Decode(v, d, data)
}

func (w *writing) refuse(m *merged, format string, args ...any) error {
	return fmt.Errorf("merge: %s: tensor %s: %s: %w", message.Clean(w.files.Name()), message.Clean(m.Name), fmt.Sprintf(format, args...), model.ErrTensor)
}

const indexName = "model.safetensors.index.json"

// index says which file each tensor is in.
func (w *writing) index(parts []string) error {
	where := map[string]string{}
	for i := range w.tensors {
		where[w.tensors[i].Name] = parts[w.tensors[i].Shard]
	}
	text, err := json.MarshalIndent(map[string]any{"metadata": map[string]any{"total_size": w.total}, "weight_map": where}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.out, indexName), append(text, '\n'), 0o666)
}

// config writes the configuration: as it is, unless types change.
func (w *writing) config() error {
	text, err := w.files.Config()
	if err != nil {
		return err
	}
	to := w.options.Type
	if to == tensor.Invalid && len(w.scaled) > 0 {
		to = tensor.BF16
	}
	if to != tensor.Invalid {
		if text, err = retyped(text, to); err != nil {
			return fmt.Errorf("merge: %s: config.json: %w: %w", message.Clean(w.files.Name()), err, model.ErrConfig)
		}
	}
	return os.WriteFile(filepath.Join(w.out, "config.json"), text, 0o666)
}

// retyped returns a configuration of another type of weights, which are quantised no more.
func retyped(text []byte, to tensor.DType) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(checkpoint.PlainJSON(text)))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		return nil, err
	}
	key := "dtype"
	if _, old := values["torch_dtype"]; old {
		key = "torch_dtype"
	}
	values[key] = map[tensor.DType]string{tensor.F32: "float32", tensor.F16: "float16", tensor.BF16: "bfloat16"}[to]
	delete(values, "quantization_config")
	return json.MarshalIndent(values, "", "  ")
}

// besideEnds are the ends of what stands beside the weights and belongs to the model.
var besideEnds = []string{".json", ".jinja", ".txt", ".model", ".tiktoken", ".md", ".py"}

// beside copies what stands beside the weights.
func (w *writing) beside(ctx context.Context) error {
	from := w.files.FS()
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if name == "config.json" || strings.HasSuffix(name, ".safetensors.index.json") || strings.HasPrefix(name, "adapter_") || strings.HasPrefix(name, ".") {
			continue
		}
		isLicence := strings.HasPrefix(strings.ToUpper(name), "LICEN")
		if !isLicence && !slices.ContainsFunc(besideEnds, func(end string) bool { return strings.HasSuffix(name, end) }) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(w.out, name), from, name); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies a plain file, or what a link names; other things are left.
func copyFile(to string, from fs.FS, name string) error {
	st, err := fs.Stat(from, name)
	if err != nil || !st.Mode().IsRegular() {
		return err
	}
	src, err := from.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
