package machine

import "golang.org/x/sys/unix"

func (m *Machine) describeSystem() (flags []string) {
	text := func(name string) string {
		s, err := unix.Sysctl(name)
		if err != nil {
			return ""
		}
		return tidy(s)
	}
	m.CPU = text("machdep.cpu.brand_string")
	m.Kernel = text("kern.osrelease")
	if version := text("kern.osproductversion"); version != "" {
		m.OSName = "macOS " + version
	}
	m.Memory = sysctl("hw.memsize")
	m.MemoryAvailable, _ = availableMemory()
	// There is no affinity: a process may use every core.
	m.Cores = int(sysctl("hw.physicalcpu"))
	m.FastCores = m.Cores
	if fast := int(sysctl("hw.perflevel0.physicalcpu")); fast > 0 { // Apple's own processors
		m.FastCores = min(fast, m.Cores)
	}
	m.Caches = darwinCaches()
	if sysctl("hw.optional.arm.FEAT_BF16") == 1 {
		flags = append(flags, "bf16")
	}
	return flags
}

// sysctl returns a number of four or eight bytes, 0 where there is none.
func sysctl(name string) int64 {
	if n, err := unix.SysctlUint64(name); err == nil {
		return int64(n)
	}
	n, _ := unix.SysctlUint32(name)
	return int64(n)
}

// darwinCaches returns the caches of the fast cores, which are those that the
// kernels are tuned for, and how many cores share one.
func darwinCaches() []Cache {
	level, cores := "hw.perflevel0.", sysctl("hw.perflevel0.physicalcpu")
	if cores == 0 {
		level, cores = "hw.", sysctl("hw.physicalcpu")
	}
	var list []Cache
	for _, c := range []struct {
		name  string
		level int
		kind  string
	}{
		{"l1dcachesize", 1, "data"},
		{"l1icachesize", 1, "instruction"},
		{"l2cachesize", 2, "unified"},
		{"l3cachesize", 3, "unified"},
	} {
		bytes := sysctl(level + c.name)
		if bytes <= 0 {
			continue
		}
		shared := int64(1)
		switch c.level {
		case 2:
			shared = max(1, sysctl(level+"cpusperl2"))
		case 3:
			shared = max(1, sysctl(level+"cpusperl3"), cores)
		}
		list = append(list, Cache{c.level, c.kind, bytes, int(max(1, cores/shared))})
	}
	return list
}

// availableMemory takes the share that macOS calls free, the same that its tool
// memory_pressure prints.
func availableMemory() (int64, bool) {
	total, percent := sysctl("hw.memsize"), sysctl("kern.memorystatus_level")
	if total <= 0 || percent <= 0 || percent > 100 {
		return 0, false
	}
	return total / 100 * percent, true
}
