package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// How often the processes of a box are looked at, and its folder.
const (
	watchEvery = 10 * time.Millisecond
	diskEvery  = 10 // looks at processes
)

// ticksPerSecond is the unit of processor time in /proc: USER_HZ, 100 on all processors that
// Go knows.
const ticksPerSecond = 100

// usage is what the processes of a box take together.
type usage struct {
	memory    int64
	processor time.Duration
	tasks     int
}

// over names the limit that is exceeded.
func (u usage) over(l *Limits) string {
	switch {
	case u.memory > l.Memory:
		return fmt.Sprintf("%d MiB of memory", l.Memory>>20)
	case l.Processor > 0 && u.processor > l.Processor:
		return fmt.Sprintf("%v of processor time", l.Processor)
	case u.tasks > l.Processes:
		return fmt.Sprintf("%d processes and threads", l.Processes)
	}
	return ""
}

// measure adds up a process and all below it. What a process that has ended took is in the
// counts of the one above it: nothing leaves the tree, since its root takes over what is
// left alone.
func measure(root int) (u usage) {
	next := []int{root}
	seen := map[int]bool{}
	for len(next) > 0 {
		pid := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		u.add(pid)
		next = append(next, children(pid)...)
	}
	return u
}

// add adds what a process takes; one that has just ended takes nothing.
func (u *usage) add(pid int) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return
	}
	_, rest, ok := bytes.Cut(line[max(0, bytes.LastIndexByte(line, ')')):], []byte(" ")) // a name may hold anything
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 22 {
		return
	}
	number := func(i int) int64 { // by the number that proc(5) gives a field
		n, _ := strconv.ParseInt(fields[i-3], 10, 64) // the kernel's own
		return n
	}
	u.processor += time.Duration(number(14)+number(15)+number(16)+number(17)) * time.Second / ticksPerSecond
	u.tasks += int(number(20))
	u.memory += number(24) * int64(os.Getpagesize())
}

// children returns the processes right below one.
func children(pid int) (list []int) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, t := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(f); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// stored names the limit of a folder that is exceeded.
func stored(folder string, l *Limits) string {
	var size int64
	files := 0
	full := errors.New("full")
	err := filepath.WalkDir(folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // it was just removed, or is hidden
				return nil
			}
			return err
		}
		files++
		if info, err := e.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				size += st.Blocks * 512
			}
		}
		if files > l.Files+1 || size > l.Disk {
			return full
		}
		return nil
	})
	switch {
	case files > l.Files+1 || err != nil && !errors.Is(err, full): // names too long to be read are no honest files
		return fmt.Sprintf("%d files", l.Files)
	case err != nil:
		return fmt.Sprintf("%d MiB of files", l.Disk>>20)
	}
	return ""
}
