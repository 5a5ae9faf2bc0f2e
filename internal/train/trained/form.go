package trained

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/convert"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Form is how a model is written.
type Form struct {
	// Type is F32 or BF16, or in a GGUF file any label of package quantize, in either case.
	Type string
	// GGUF writes model.gguf in place of a folder of safetensors; what came as a GGUF file
	// stays one anyway.
	GGUF    bool
	Threads int
}

// plain says whether the model is written as it came, with matrices of a float type.
func (f *Form) plain(files *checkpoint.Checkpoint) bool {
	t := strings.ToLower(f.Type)
	return (t == F32 || t == BF16) && (!f.GGUF || files.GGUF() != nil)
}

// Check says before a run whether a model like that of files can be written so. The error
// wraps quantize.ErrOption, course.ErrDoomed, or says what of the model a GGUF file cannot
// tell.
func (f *Form) Check(files *checkpoint.Checkpoint) error {
	if f.plain(files) {
		return nil
	}
	mix, err := quantize.ParseMix(f.Type)
	if err != nil {
		return err
	}
	if err := files.CheckWeights(); errors.Is(err, fs.ErrNotExist) { // there is nothing to look at yet
		if t := strings.ToLower(f.Type); t != F32 && t != BF16 && t != "f16" && t != "q8_0" {
			return fmt.Errorf("%s of a model that has no weights yet: want f32, bf16, f16 or q8_0, and blitz quantize for others: %w", f.Type, course.ErrDoomed)
		}
		return nil
	}
	src, err := sourceOf(files.Path())
	if err != nil {
		return err
	}
	plan, err := quantize.NewPlan(src, &quantize.Options{Mix: mix, AllowRequantize: true})
	if err == nil && len(plan.Needs) > 0 {
		err = fmt.Errorf("%s of %s: tensor %s needs an importance matrix, which a run has none of: %w", f.Type, files.Name(), plan.Needs[0], course.ErrDoomed)
	}
	return errors.Join(err, src.Close())
}

// sourceOf opens a model to be written with other types.
func sourceOf(path string) (quantize.Source, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	var src quantize.Source
	if g := files.GGUF(); g != nil {
		src, err = quantize.FromGGUF(g, files.Folder())
	} else {
		src, err = convert.Of(files)
	}
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	return src, nil
}

// wholeName is the folder that a model is written to before it gets other types.
const wholeName = "whole"

// WriteAs writes the model of files with the numbers that its weights have now, in a form.
// What is neither F32 nor BF16 is encoded of F32, as blitz quantize does.
func WriteAs(ctx context.Context, folder string, files *checkpoint.Checkpoint, weights []*model.Weight, f Form) (err error) {
	if f.plain(files) {
		return Write(folder, files, weights, strings.ToLower(f.Type))
	}
	mix, err := quantize.ParseMix(f.Type)
	if err != nil {
		return err
	}
	whole := filepath.Join(folder, wholeName)
	if err := Write(whole, files, weights, F32); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(whole)) }()
	src, err := sourceOf(whole)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	plan, err := quantize.NewPlan(src, &quantize.Options{Mix: mix})
	if err != nil {
		return err
	}
	return plan.Write(ctx, filepath.Join(folder, "model.gguf"), f.Threads, func(quantize.Progress) {})
}
