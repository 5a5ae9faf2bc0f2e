package machine

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

var (
	kernel32                       = windows.NewLazySystemDLL("kernel32.dll")
	globalMemoryStatusEx           = kernel32.NewProc("GlobalMemoryStatusEx")
	getLogicalProcessorInformation = kernel32.NewProc("GetLogicalProcessorInformation")
)

func (m *Machine) describeSystem() (flags []string) {
	v := windows.RtlGetVersion()
	m.OSName = "Windows"
	m.Kernel = fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	if key, err := registry.OpenKey(registry.LOCAL_MACHINE, `HARDWARE\DESCRIPTION\System\CentralProcessor\0`, registry.QUERY_VALUE); err == nil {
		name, _, _ := key.GetStringValue("ProcessorNameString")
		m.CPU = tidy(name)
		key.Close()
	}
	if s, ok := memoryStatus(); ok {
		m.Memory, m.MemoryAvailable = clampBytes(s.totalPhys), clampBytes(s.availPhys)
	}
	if records, ok := logicalProcessors(); ok {
		m.Cores, m.Caches = parseLogicalProcessors(records)
		m.Cores = min(m.Cores, m.Threads)
	}
	return nil
}

// memoryStatusEx is MEMORYSTATUSEX.
type memoryStatusEx struct {
	length, load                                                                                         uint32
	totalPhys, availPhys, totalPageFile, availPageFile, totalVirtual, availVirtual, availExtendedVirtual uint64
}

func memoryStatus() (s memoryStatusEx, ok bool) {
	s.length = uint32(unsafe.Sizeof(s))
	r, _, _ := globalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&s)))
	return s, r != 0
}

// availableMemory counts physical memory, and no more than may be committed.
func availableMemory() (int64, bool) {
	s, ok := memoryStatus()
	return clampBytes(min(s.availPhys, s.availPageFile)), ok
}

func clampBytes(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// logicalProcessors returns the records that describe the processors of this
// process' group, at most 64 of them.
func logicalProcessors() ([]byte, bool) {
	var length uint32
	getLogicalProcessorInformation.Call(0, uintptr(unsafe.Pointer(&length)))
	if length == 0 || length > 1<<20 {
		return nil, false
	}
	records := make([]byte, length)
	r, _, _ := getLogicalProcessorInformation.Call(uintptr(unsafe.Pointer(&records[0])), uintptr(unsafe.Pointer(&length)))
	return records[:min(int(length), len(records))], r != 0
}
