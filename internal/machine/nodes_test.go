package machine

import (
	"slices"
	"testing"
	"testing/fstest"
)

// nodesOf returns the node of each of n threads.
func nodesOf(t *testing.T, r root, n int) (list []int) {
	t.Helper()
	for _, p := range r.placesOf(n) {
		list = append(list, p.Node)
	}
	return list
}

// Threads are dealt out to memory nodes in turns, as many as there are cores and more; a node
// with fewer cores has fewer of them.
func TestPlaces(t *testing.T) {
	files := load(t, "two_nodes")
	r := root{files}
	for n, want := range map[int][]int{
		1: {0}, 2: {0, 1}, 3: {0, 1, 0}, 8: {0, 1, 0, 1, 0, 1, 0, 1}, 10: {0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
	} {
		if got := nodesOf(t, r, n); !slices.Equal(got, want) {
			t.Errorf("%d threads are on nodes %v, want %v", n, got, want)
		}
	}
	for i, want := range [][]int{{0, 1, 2, 3, 8, 9, 10, 11}, {4, 5, 6, 7, 12, 13, 14, 15}} {
		if got := r.placesOf(2)[i].CPUs; !slices.Equal(got, want) {
			t.Errorf("thread %d may run on %v, want %v", i, got, want)
		}
	}
	files["proc/self/status"] = &fstest.MapFile{Data: []byte("Cpus_allowed_list:\t0-2,4,12\n")} // three cores and one
	if got, want := nodesOf(t, r, 5), []int{0, 1, 0, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("with four cores threads are on nodes %v, want %v", got, want)
	}
}

// Where all is one node, by the machine or by the affinity, no thread has a place.
func TestNoPlaces(t *testing.T) {
	for _, name := range []string{"microvm", "docker_v2", "hybrid", "big_little", "pi5"} {
		if got := (root{load(t, name)}).placesOf(4); got != nil {
			t.Errorf("%s: threads are held to %v", name, got)
		}
	}
	files := load(t, "two_nodes")
	files["proc/self/status"] = &fstest.MapFile{Data: []byte("Cpus_allowed_list:\t4-7\n")}
	m := unknown
	(root{files}).describe(&m)
	if got := (root{files}).placesOf(4); got != nil || m.Nodes != 1 || m.ComputeThreads() != 4 {
		t.Errorf("on one node of two: places %v, %d nodes, %d threads", got, m.Nodes, m.ComputeThreads())
	}
	files["sys/devices/system/node/online"] = &fstest.MapFile{Data: []byte("0-9999999")}
	if got := (root{files}).placesOf(4); got != nil {
		t.Errorf("a list of nodes that means nothing: places %v", got)
	}
}
