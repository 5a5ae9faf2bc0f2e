package model

import (
	"reflect"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// params collects what the weights of a value say of themselves.
func params(v reflect.Value, seen map[uintptr]bool, list []Param) []Param {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return list
		}
		seen[v.Pointer()] = true
		return params(v.Elem(), seen, list)
	case reflect.Slice:
		for i := range v.Len() {
			list = params(v.Index(i), seen, list)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Param]() {
			p := Param{Tensor: v.FieldByName("Tensor").String(), Turned: v.FieldByName("Turned").Bool()}
			p.First, p.Rows, p.Cols = int(v.FieldByName("First").Int()), int(v.FieldByName("Rows").Int()), int(v.FieldByName("Cols").Int())
			if p.Tensor != "" {
				list = append(list, p)
			}
			return list
		}
		for i := range v.NumField() {
			list = params(v.Field(i), seen, list)
		}
	}
	return list
}

// TestParams looks at what the weights of all golden models say they are, in both kinds
// of files and both forms of latent attention: together they are every row of every
// tensor of the file once, but for the divisors of frequencies and the parts that see.
func TestParams(t *testing.T) {
	for _, name := range goldenModels {
		m := load(t, name)
		for _, form := range forms(m) {
			o := Options{Latent: form, MTP: name == "deepseek-v3-mtp"}
			k, err := m.Checkpoint(tensor.F32)
			opened := openCheckpoint(t, k, err, o)
			holdParams(t, name+" "+form.String(), opened, k.Tensors)
			for _, how := range []tiny.Spelling{tiny.Split, tiny.Unsplit} {
				if name == "gemma3" { // the same language model as gemma3-text
					break
				}
				g, err := m.GGUF(tensor.F32, how)
				opened := openGGUF(t, g, err, o)
				holdParams(t, name+" "+form.String()+" as GGUF", opened, g.Tensors)
			}
		}
	}
}

// holdParams holds the weights of a model to the tensors of its file.
func holdParams(t *testing.T, what string, m *Model, tensors []tiny.Stored) {
	t.Helper()
	seen := map[uintptr]bool{}
	list := params(reflect.ValueOf(m.net), seen, nil)
	list = params(reflect.ValueOf(m.embed), seen, list)
	if !m.Config.TieWordEmbeddings {
		list = params(reflect.ValueOf(m.head), seen, list)
	} else if m.head.Param != m.embed.Param {
		t.Errorf("%s: the head is %+v, want the embedding", what, m.head.Param)
	}
	rows := map[string][]int{} // how often each row was bound
	byName := map[string]tiny.Stored{}
	for _, x := range tensors {
		byName[x.Name] = x
		if n, _ := tensor.Elements(x.Shape); len(x.Shape) == 1 {
			rows[x.Name] = make([]int, 1)
		} else {
			rows[x.Name] = make([]int, n/x.Shape[len(x.Shape)-1])
		}
	}
	for _, p := range list {
		x, ok := byName[p.Tensor]
		if !ok || p.Cols != x.Shape[len(x.Shape)-1] || p.First < 0 || p.First+p.Rows > len(rows[p.Tensor]) {
			t.Errorf("%s: %+v, but the tensor is %v", what, p, x.Shape)
			continue
		}
		for r := range p.Rows {
			rows[p.Tensor][p.First+r]++
		}
	}
	for name, counts := range rows {
		for r, n := range counts {
			if n != 1 && name != ropeFreqs && !strings.Contains(name, "vision_tower") && !strings.Contains(name, "projector") {
				t.Errorf("%s: row %d of %s belongs to %d weights", what, r, name, n)
				break
			}
		}
	}
}
