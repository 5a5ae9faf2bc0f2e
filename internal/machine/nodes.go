package machine

import (
	"fmt"
	"slices"
)

// Place is where a thread computes on a machine of several memory nodes: on any of the
// processors of one node, whose memory is near. It is not held to a single one of them, so
// that a thread that shares its processor with another program can move.
type Place struct {
	Node int   // counted from 0 over the nodes that have processors for this process
	CPUs []int // of the node, those that this process may run on
}

// Places returns the places of n threads of this process; none where one is as good as any
// other, since all memory is equally near or the system does not say.
func Places(n int) []Place { return systemPlaces(n) }

// memoryNode is a memory node with its processors.
type memoryNode struct {
	number int   // as the system counts
	cpus   []int // that this process may run on
}

// maxNodes bounds the numbers of memory nodes, as Linux does.
const maxNodes = 1 << 10

// nodes returns the memory nodes that have processors among these, ascending; none where
// the system does not say.
func (r root) nodes(usable []int) (list []memoryNode) {
	s, _ := r.text("sys/devices/system/node/online")
	numbers, _ := parseCPUList(s)
	for _, n := range numbers {
		if n >= maxNodes {
			break
		}
		text, _ := r.text(fmt.Sprintf("sys/devices/system/node/node%d/cpulist", n))
		cpus, _ := parseCPUList(text)
		cpus = slices.DeleteFunc(cpus, func(c int) bool { return !slices.Contains(usable, c) })
		if len(cpus) > 0 { // others have memory alone
			list = append(list, memoryNode{n, cpus})
		}
	}
	return list
}

// places returns the places of n threads on nodes, in turns, so that the first few of them
// have the memory of all nodes already. A node has no more threads than fast cores as long
// as others have some left. None where there are not several nodes.
func places(n int, list []logical, nodes []memoryNode) []Place {
	if len(nodes) < 2 {
		return nil
	}
	left := make([]int, len(nodes)) // fast cores without a thread
	for i, node := range nodes {
		var own []logical
		for _, l := range list {
			if slices.Contains(node.cpus, l.number) {
				own = append(own, l)
			}
		}
		_, left[i] = cores(own)
	}
	places := make([]Place, 0, n)
	for i := 0; len(places) < n; i = (i + 1) % len(nodes) {
		if left[i] == 0 && slices.Max(left) > 0 {
			continue
		}
		left[i] = max(0, left[i]-1)
		places = append(places, Place{i, nodes[i].cpus})
	}
	return places
}

// placesOf returns the places of n threads of this process.
func (r root) placesOf(n int) []Place {
	text, _ := r.text("proc/cpuinfo")
	processors := parseProcessors(text)
	usable := r.usable(r.online(processors))
	return places(n, r.logicals(usable, processors), r.nodes(usable))
}
