package machine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// processor is what /proc/cpuinfo says of a logical processor. Which lines there
// are differs by architecture.
type processor struct {
	number            int
	name              string
	flags             []string // instruction sets; only of the first that lists them
	socket, core      int      // x86; -1 unknown
	implementer, part uint64   // ARM
}

// parseProcessors reads /proc/cpuinfo: for each processor a block of lines
// "key : value", which begins with its number.
func parseProcessors(text string) []processor {
	var list []processor
	flagged := false
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key == "processor" {
			if n := atoi(value); n >= 0 && n < maxCPUs {
				list = append(list, processor{number: n, socket: -1, core: -1})
			}
			continue
		}
		if len(list) == 0 {
			continue
		}
		p := &list[len(list)-1]
		switch key {
		case "model name", "Model Name", "cpu", "uarch": // x86 and ARM, LoongArch, POWER, RISC-V
			if p.name == "" {
				p.name = tidy(value)
			}
		case "flags", "Features":
			if !flagged {
				p.flags, flagged = strings.Fields(value), true
			}
		case "physical id":
			p.socket = atoi(value)
		case "core id":
			p.core = atoi(value)
		case "CPU implementer":
			p.implementer, _ = strconv.ParseUint(value, 0, 32)
		case "CPU part":
			p.part, _ = strconv.ParseUint(value, 0, 32)
		}
	}
	return list
}

// atoi returns -1 for what is no number.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// processorName names the processors; where there are several kinds, each with
// how many there are.
func processorName(list []processor) string {
	var names []string
	count := map[string]int{}
	for _, p := range list {
		name := armName(p.implementer, p.part)
		if name == "" {
			name = p.name
		}
		if name == "" {
			continue
		}
		if count[name]++; count[name] == 1 {
			names = append(names, name)
		}
	}
	if len(names) <= 1 {
		return strings.Join(names, "")
	}
	slices.SortStableFunc(names, func(a, b string) int { return count[b] - count[a] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%d × %s", count[name], name)
	}
	return strings.Join(names, ", ")
}

// processorFlags returns the instruction sets that Linux lists.
func processorFlags(list []processor) []string {
	for _, p := range list {
		if p.flags != nil {
			return p.flags
		}
	}
	return nil
}
