package model

import (
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/kvcache"
)

// A page that says it is of another position than the sequence stands at, and has no notes
// up to there, ends the step with an error.
func TestWrongState(t *testing.T) {
	st := State{Sizes: StateSizes{State: 8, Inputs: 3, Input: 4, Gates: 2}}
	c, err := kvcache.New([]kvcache.Layer{{Bytes: st.Sizes.pageBytes(), State: true}}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ base, notes, noted int }{{5, 0, 0}, {3, 2, 2}, {3, 9, 2}, {0, 5, 5}, {3, 1, -1}, {6, 0, -1}, {-1, 6, -1}, {4, -1, -1}, {-20, 25, -1}} {
		seq := c.Sequence()
		if err := seq.Reserve(6); err != nil {
			t.Fatal(err)
		}
		seq.Append(make([]int32, 5))
		statePage{&st.Sizes, seq.Page(0, 0)}.setHead(x.base, x.notes)
		var s Step
		s.setBatch(&Batch{Segments: []Segment{{Seq: seq, Pos: 5, Tokens: []int32{1}}}})
		list, rows := s.carry(&st)
		switch err := s.Err(); {
		case x.noted >= 0 && (err != nil || list[0].noted != x.noted || rows != x.noted+1):
			t.Errorf("base %d and %d notes: %d are taken in, %v, want %d", x.base, x.notes, list[0].noted, err, x.noted)
		case x.noted < 0 && (err == nil || !strings.Contains(err.Error(), "no state of position 5")):
			t.Errorf("base %d and %d notes: error %v", x.base, x.notes, err)
		}
		seq.Free()
	}
}

// Of each page that a step writes the state is that behind its last certain token, and what
// was guessed behind it is noted.
func TestStateEnds(t *testing.T) {
	st := State{Sizes: StateSizes{State: 8, Inputs: 3, Input: 4, Gates: 2}}
	c, err := kvcache.New([]kvcache.Layer{{Bytes: st.Sizes.pageBytes(), State: true}}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		pos, n, guessed int
		want            [][2]int
	}{
		{0, 1, 0, [][2]int{{1, 1}}},
		{0, 600, 0, [][2]int{{256, 256}, {512, 512}, {600, 600}}},
		{250, 6, 0, [][2]int{{256, 256}}},
		{10, 5, 4, [][2]int{{11, 15}}},
		{254, 6, 5, [][2]int{{255, 256}, {256, 260}}},
		{254, 6, 3, [][2]int{{256, 256}, {257, 260}}},
		{256, 3, 2, [][2]int{{257, 259}}},
	} {
		seq := c.Sequence()
		if err := seq.Reserve(x.pos + x.n); err != nil {
			t.Fatal(err)
		}
		seq.Append(make([]int32, x.pos))
		list := ends(nil, &st, &Segment{Seq: seq, Pos: x.pos, Tokens: make([]int32, x.n), Guessed: x.guessed})
		var got [][2]int
		for _, e := range list {
			got = append(got, [2]int{e.base, e.end})
		}
		if len(got) != len(x.want) {
			t.Fatalf("%+v: got %v", x, got)
		}
		for i := range got {
			if got[i] != x.want[i] {
				t.Errorf("%+v: got %v", x, got)
			}
		}
		seq.Free()
	}
}
