package machine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCPUs bounds the numbers of processors; Linux is built for 8,192 at most.
const maxCPUs = 8 << 10

// logical is a logical processor that this process may run on.
type logical struct {
	number int
	core   string // the same for the hardware threads of a core
	fast   bool   // of the fast kind, where a machine has two
}

// parseCPUList reads a list as Linux writes it, "0-3,8,10-11", ascending.
func parseCPUList(s string) ([]int, bool) {
	var list []int
	for item := range strings.SplitSeq(strings.TrimSpace(s), ",") {
		from, to, isRange := strings.Cut(item, "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			return nil, false
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(to); err != nil {
				return nil, false
			}
		}
		if first < 0 || last < first || last >= maxCPUs {
			return nil, false
		}
		for n := first; n <= last; n++ {
			list = append(list, n)
		}
		if len(list) > maxCPUs {
			return nil, false
		}
	}
	slices.Sort(list)
	return slices.Compact(list), true
}

// online returns the processors that run: those that the system lists, or else
// those that it describes.
func (r root) online(processors []processor) []int {
	if s, ok := r.text("sys/devices/system/cpu/online"); ok {
		if list, ok := parseCPUList(s); ok {
			return list
		}
	}
	var list []int
	for _, p := range processors {
		list = append(list, p.number)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// usable returns the processors of online that the affinity of this process
// allows; all of them where the system does not say. The affinity alone would
// not do: it may name processors that are not there.
func (r root) usable(online []int) []int {
	status, _ := r.text("proc/self/status")
	for line := range strings.Lines(status) {
		s, ok := strings.CutPrefix(line, "Cpus_allowed_list:")
		if !ok {
			continue
		}
		allowed, ok := parseCPUList(s)
		if !ok {
			break
		}
		var list []int
		for _, n := range online {
			if _, ok := slices.BinarySearch(allowed, n); ok {
				list = append(list, n)
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	return online
}

// logicals tells the cores and kinds of processors.
func (r root) logicals(numbers []int, processors []processor) []logical {
	list := make([]logical, len(numbers))
	capacity := make([]int64, len(numbers))
	most := int64(0)
	described := map[int]processor{}
	for _, p := range processors {
		described[p.number] = p
	}
	for i, n := range numbers {
		p, ok := described[n]
		if !ok {
			p = processor{number: n, core: -1}
		}
		list[i] = logical{number: n, core: r.coreOf(p)}
		capacity[i], _ = r.number(fmt.Sprintf("sys/devices/system/cpu/cpu%d/cpu_capacity", n))
		most = max(most, capacity[i])
	}
	// Cores of one kind may differ a little: some reach higher clocks.
	slow := func(i int) bool { return 3*capacity[i] < 2*most }
	if s, ok := r.text("sys/devices/cpu_atom/cpus"); ok { // Intel's two kinds
		if efficient, ok := parseCPUList(s); ok {
			slow = func(i int) bool { _, found := slices.BinarySearch(efficient, numbers[i]); return found }
		}
	}
	anyFast := false
	for i := range list {
		list[i].fast = !slow(i)
		anyFast = anyFast || list[i].fast
	}
	if !anyFast {
		for i := range list {
			list[i].fast = true
		}
	}
	return list
}

// coreOf names the core of a processor by the list of its hardware threads. Old
// kernels and some containers have only the numbers in /proc/cpuinfo; without
// those either, each processor is a core.
func (r root) coreOf(p processor) string {
	for _, name := range []string{"core_cpus_list", "thread_siblings_list"} {
		if s, ok := r.text(fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/%s", p.number, name)); ok && s != "" {
			return s
		}
	}
	if p.core >= 0 {
		return fmt.Sprintf("socket %d core %d", p.socket, p.core)
	}
	return fmt.Sprintf("processor %d", p.number)
}

// cores counts the cores, and those of the fast kind.
func cores(list []logical) (all, fast int) {
	seen := map[string]bool{}
	for _, l := range list {
		if seen[l.core] {
			continue
		}
		seen[l.core] = true
		all++
		if l.fast {
			fast++
		}
	}
	return all, fast
}

// spread orders processors so that threads on the first ones disturb each other
// least: one of each core, fast ones first, then the cores' other threads.
func spread(list []logical) []int {
	type ranked struct {
		logical
		thread int // of its core
	}
	seen := map[string]int{}
	order := make([]ranked, len(list))
	for i, l := range list {
		order[i] = ranked{l, seen[l.core]}
		seen[l.core]++
	}
	slices.SortStableFunc(order, func(a, b ranked) int {
		if c := cmp.Compare(a.thread, b.thread); c != 0 || a.fast == b.fast {
			return c
		}
		if a.fast {
			return -1
		}
		return 1
	})
	numbers := make([]int, len(order))
	for i, o := range order {
		numbers[i] = o.number
	}
	return numbers
}
