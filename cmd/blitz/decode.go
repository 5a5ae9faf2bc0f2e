package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// decodeFlags are the flags of decode.
type decodeFlags struct {
	tensor, out string
}

func newDecode() *cobra.Command {
	f := &decodeFlags{}
	cmd := &cobra.Command{
		Use:   "decode MODEL --tensor NAME --out FILE.safetensors",
		Short: "Write a tensor's values as float32",
		Long: `Write the values of one tensor as float32, under its name and in its shape.
MODEL is a GGUF file, a safetensors file or a folder with them, of any
architecture.

The values are exactly those that are stored; integers and F64 are rounded to
the nearest float32. Where factors stand beside the tensor they are multiplied
in, with one rounding: the .scale of NVFP4, and NAME_scale_inv or NAME_scale of
FP8, which hold one number, one a row, or one a block of 128 × 128.`,
		Example: `  blitz decode model.gguf --tensor blk.0.attn_q.weight --out q.safetensors
  blitz decode ./folder --tensor model.embed_tokens.weight \
    --out embed.safetensors`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&f.tensor, "tensor", "", "`NAME` of the tensor, as the file spells it")
	cmd.Flags().StringVar(&f.out, "out", "", "safetensors `FILE` to write")
	return cmd
}

func (f *decodeFlags) run(cmd *cobra.Command, model string) error {
	switch {
	case f.tensor == "":
		return fault.Misuse(fmt.Errorf("decode: --tensor NAME is missing"))
	case f.out == "":
		return fault.Misuse(fmt.Errorf("decode: --out FILE.safetensors is missing"))
	}
	files, err := openFiles(cmd, model)
	if err != nil {
		return err
	}
	defer files.Close()
	file, err := tensorsOf(files)
	if err != nil {
		return err
	}
	t, ok, err := file.find(f.tensor)
	if err != nil {
		return err
	}
	if !ok {
		return noTensor(file, f.tensor)
	}
	factors, err := findScaling(file, t)
	if err != nil {
		return err
	}
	w, err := create(cmd.Context(), f.out, safetensors.Create)
	if err != nil {
		return err
	}
	defer w.Abort()
	return file.guard(func() error { return writeDecoded(cmd.Context(), w, t, factors) })
}

// noTensor returns the error for a tensor that a file does not have.
func noTensor(file tensorFile, name string) error {
	return fault.Missing(fmt.Errorf("%s: no tensor %s%s", file.file(), name, spelling.Text(name, file.names())))
}

// writeDecoded writes a tensor's values into a file and closes it.
func writeDecoded(ctx context.Context, w *safetensors.Writer, t storedTensor, factors *scaling) error {
	if err := w.Declare(t.name, safetensors.F32, t.shape...); err != nil {
		return err
	}
	if err := w.CopyTensor(t.name, &decoding{ended: ctx.Err, tensor: t, factors: factors}); err != nil {
		return err
	}
	return w.Close()
}

// decodeSlab is how many elements are decoded at a time: a multiple of every block.
const decodeSlab = 1 << 16

// decoding reads a tensor's values as little-endian float32, decoding as it goes.
type decoding struct {
	ended   func() error // an error ends it
	tensor  storedTensor
	factors *scaling // nil: none
	index   int      // of the next element to decode
	values  []float32
	text    []byte // their bytes
	rest    []byte // of them, not read yet
}

func (d *decoding) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		if err := d.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// next decodes the next slab.
func (d *decoding) next() error {
	if err := d.ended(); err != nil {
		return err
	}
	t := d.tensor
	total, _ := tensor.Elements(t.shape) // the file was checked
	n := min(decodeSlab, total-d.index)
	if n == 0 {
		return io.EOF
	}
	if d.values == nil {
		d.values, d.text = make([]float32, n), make([]byte, 4*n)
	}
	values := d.values[:n]
	from := t.dtype.RowBytes(d.index)
	if err := quant.Decode(values, t.dtype, t.bytes[from:from+t.dtype.RowBytes(n)]); err != nil {
		return err
	}
	if d.factors != nil {
		d.factors.apply(values, d.index)
	}
	for i, v := range values {
		binary.LittleEndian.PutUint32(d.text[4*i:], math.Float32bits(v))
	}
	d.rest, d.index = d.text[:4*n], d.index+n
	return nil
}
