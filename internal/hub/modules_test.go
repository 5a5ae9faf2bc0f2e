package hub

import (
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// TestImportModules takes a model whose modules have folders of their own, and finds them again
// where all files lie in one.
func TestImportModules(t *testing.T) {
	const folder = "../model/testdata/encoders/embeddinggemma"
	_, members, format, err := membersAt(folder)
	if err != nil || format != checkpoint.Safetensors.String() {
		t.Fatal(format, err)
	}
	var names []string
	for _, m := range members {
		names = append(names, m.name)
	}
	for _, want := range []string{"modules.json", "1_Pooling.config.json", "2_Dense.config.json", "2_Dense.model.safetensors", "3_Dense.model.safetensors"} {
		if !slices.Contains(names, want) {
			t.Errorf("%v: %s is missing", names, want)
		}
	}
	s := newStore(t)
	m, err := s.Import(t.Context(), folder, "vectors", nil)
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.Path(m)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := c.Modules()
	if err != nil || got == nil || got.Pooling != "mean" || !got.Normalize || len(got.Heads) != 2 || got.Heads[0].Out != 64 || got.Heads[1].Out != 32 {
		t.Fatalf("modules of the stored model: %+v, %v", got, err)
	}
}

// TestChooseModules takes the files of modules from a repository, and no others in folders.
func TestChooseModules(t *testing.T) {
	var r repository
	for _, p := range []string{"config.json", "model.safetensors", "modules.json", "1_Pooling/config.json", "2_Dense/model.safetensors", "onnx/model.safetensors", "2_Dense/pytorch_model.bin", "a/1_Pooling/config.json"} {
		r.files = append(r.files, remote{path: p})
	}
	files, err := r.choose("")
	if err == nil {
		err = settle(files)
	}
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.name)
	}
	slices.Sort(names)
	if want := []string{"1_Pooling.config.json", "2_Dense.model.safetensors", "config.json", "model.safetensors", "modules.json"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}
