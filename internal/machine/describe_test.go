package machine

import (
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// load returns the files of a machine in testdata.
func load(t testing.TB, name string) fstest.MapFS {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, f := range a.Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return files
}

const kib, mib, gib = int64(1 << 10), int64(1 << 20), int64(1 << 30)

// unknown is what Go knows of a machine before the files are read.
var unknown = Machine{CPUs: 99, Threads: 98}

func TestDescribeMachines(t *testing.T) {
	for name, want := range map[string]Machine{
		"microvm": {
			CPU: "Intel(R) Xeon(R) Processor", OSName: "Debian GNU/Linux 12 (bookworm)", Kernel: "6.18.44-fc-v669",
			CPUs: 2, Threads: 2, Cores: 2, FastCores: 2,
			Caches: []Cache{
				{1, "data", 48 * kib, 2}, {1, "instruction", 64 * kib, 2}, {2, "unified", 2 * mib, 2}, {3, "unified", 480 * mib, 1},
			},
			Memory: 24684084 * kib, MemoryAvailable: 24246264 * kib, HugePages: "madvise",
		},
		"docker_v2": { // 2.5 processors make 3 threads; affinity names 128 processors of which 8 exist
			CPU: "AMD EPYC 9354 32-Core Processor", OSName: "Ubuntu 24.04.1 LTS", Kernel: "6.8.0-52-generic",
			CPUs: 8, Threads: 3, Cores: 3, FastCores: 3, CPUQuota: 2.5,
			Caches: []Cache{
				{1, "data", 32 * kib, 4}, {1, "instruction", 32 * kib, 4}, {2, "unified", mib, 4}, {3, "unified", 32 * mib, 2},
			},
			Memory: 263953024 * kib, MemoryLimit: 8 * gib, HugePages: "always",
			MemoryAvailable: 8*gib - (3*gib - 1536*mib - 512*mib - mib),
		},
		"hybrid": {
			CPU: "12th Gen Intel(R) Core(TM) i5-12600K", OSName: "Fedora Linux 41 (Workstation Edition)", Kernel: "6.11.4-301.fc41.x86_64",
			CPUs: 6, Threads: 6, Cores: 4, FastCores: 2,
			Caches: []Cache{
				{1, "data", 48 * kib, 2},
				{1, "data", 32 * kib, 2},
				{1, "instruction", 64 * kib, 2},
				{1, "instruction", 32 * kib, 2},
				{2, "unified", 2 * mib, 1},
				{2, "unified", 1280 * kib, 2},
				{3, "unified", 20 * mib, 1},
			},
			Memory: 32594436 * kib, MemoryAvailable: 25165824 * kib, HugePages: "madvise",
		},
		"pi5": {
			CPU: "ARM Cortex-A76", OSName: "Debian GNU/Linux 13 (trixie)", Kernel: "6.12.47+rpt-rpi-2712",
			CPUs: 4, Threads: 4, Cores: 4, FastCores: 4,
			Caches: []Cache{
				{1, "data", 64 * kib, 4}, {1, "instruction", 64 * kib, 4}, {2, "unified", 512 * kib, 4}, {3, "unified", 2 * mib, 1},
			},
			Memory: 8256128 * kib, MemoryAvailable: 6159360 * kib,
		},
		"big_little": {
			CPU: "4 × ARM Cortex-A55, 4 × ARM Cortex-A76", Kernel: "6.1.75-vendor-rk35xx",
			CPUs: 8, Threads: 8, Cores: 8, FastCores: 4,
			Caches: []Cache{{1, "data", 64 * kib, 4}, {1, "data", 32 * kib, 4}},
			Memory: 16121980 * kib, MemoryLimit: 12 * gib, MemoryAvailable: 11 * gib, HugePages: "never",
		},
		"kubernetes_v1": { // half a processor still is one thread
			CPU: "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", Kernel: "4.14.355-280.652.amzn2.x86_64",
			CPUs: 4, Threads: 1, Cores: 1, FastCores: 1, CPUQuota: 0.5,
			Memory: 16424428 * kib, MemoryLimit: 512 * mib, MemoryAvailable: (512 - 384 + 192 + 64) * mib, HugePages: "madvise",
		},
		"strict": { // less may be committed than is free
			CPU:  "POWER9, altivec supported",
			CPUs: 2, Threads: 2, Cores: 2, FastCores: 2,
			Memory: 8000000 * kib, MemoryAvailable: 1500000 * kib,
		},
		"two_nodes": {
			CPU:  "Intel(R) Xeon(R) Gold 5315Y CPU @ 3.20GHz",
			CPUs: 16, Threads: 16, Cores: 8, FastCores: 8, Nodes: 2,
			Memory: 263800000 * kib, MemoryAvailable: 255000000 * kib,
		},
	} {
		m := unknown
		root{load(t, name)}.describe(&m)
		if !reflect.DeepEqual(m, want) {
			t.Errorf("describe %s:\ngot  %+v\nwant %+v", name, m, want)
		}
	}
}

// On recorded machines: one thread for each fast core, no more than a control group allows.
func TestComputeThreads(t *testing.T) {
	for name, want := range map[string]int{
		"microvm": 2, "docker_v2": 3, "hybrid": 2, "pi5": 4, "big_little": 4, "kubernetes_v1": 1, "strict": 2, "two_nodes": 8,
	} {
		m := unknown
		root{load(t, name)}.describe(&m)
		if got := m.ComputeThreads(); got != want {
			t.Errorf("%s: %d threads, want %d", name, got, want)
		}
	}
	for _, m := range []Machine{unknown, {Threads: 16, Cores: 8, FastCores: 8}, {}} {
		if got, want := m.ComputeThreads(), map[int]int{98: 98, 16: 8, 0: 1}[m.Threads]; got != want {
			t.Errorf("%+v: %d threads, want %d", m, got, want)
		}
	}
}

// Without any file everything stays unknown.
func TestDescribeNothing(t *testing.T) {
	m := unknown
	if flags := (root{fstest.MapFS{}}).describe(&m); flags != nil || !reflect.DeepEqual(m, unknown) {
		t.Errorf("describe without files: got %+v, flags %q, want %+v and none", m, flags, unknown)
	}
	if _, _, available := (root{fstest.MapFS{}}).memory(); available != -1 {
		t.Errorf("available memory without files: got %d, want -1, unknown", available)
	}
}

// Without sysfs the processors are those that are described.
func TestDescribeWithoutSys(t *testing.T) {
	files := load(t, "kubernetes_v1")
	for name := range files {
		if strings.HasPrefix(name, "sys/") {
			delete(files, name)
		}
	}
	m := unknown
	root{files}.describe(&m)
	if m.CPUs != 4 || m.Threads != 3 || m.Cores != 2 {
		t.Errorf("got %d processors, %d threads, %d cores, want 4, 3, 2", m.CPUs, m.Threads, m.Cores)
	}
	if m.CPUQuota != 0 || m.MemoryLimit != 0 || m.MemoryAvailable != 12884901*kib {
		t.Errorf("got quota %g, limit %d, %d available, want none, none, %d", m.CPUQuota, m.MemoryLimit, m.MemoryAvailable, 12884901*kib)
	}
}

func TestFlags(t *testing.T) {
	for name, want := range map[string]string{"docker_v2": "avx512_bf16", "pi5": "asimddp", "microvm": "amx_int8"} {
		m := unknown
		if flags := (root{load(t, name)}).describe(&m); !slices.Contains(flags, want) {
			t.Errorf("flags of %s: got %q, want %s among them", name, flags, want)
		}
	}
}

func TestARMNames(t *testing.T) {
	for _, c := range []struct {
		implementer, part uint64
		want              string
	}{
		{0, 0, ""},
		{0x41, 0xd4f, "ARM Neoverse-V2"},
		{0x41, 0xfff, "ARM part 0xfff"},
		{0xc0, 0xac3, "Ampere AmpereOne"},
		{0x99, 0x12, "ARM implementer 0x99 part 0x012"},
	} {
		if got := armName(c.implementer, c.part); got != c.want {
			t.Errorf("armName(%#x, %#x): got %q, want %q", c.implementer, c.part, got, c.want)
		}
	}
}

// The threads of a machine go to cores before they go to cores' second threads,
// and to fast cores first.
func TestSpread(t *testing.T) {
	for name, want := range map[string][]int{
		"microvm":    {0, 1},
		"docker_v2":  {0, 1, 4, 5, 2, 3, 6, 7},
		"hybrid":     {0, 2, 4, 5, 1, 3},
		"big_little": {4, 5, 6, 7, 0, 1, 2, 3},
	} {
		r := root{load(t, name)}
		text, _ := r.text("proc/cpuinfo")
		p := parseProcessors(text)
		if got := spread(r.logicals(r.usable(r.online(p)), p)); !slices.Equal(got, want) {
			t.Errorf("spread of %s: got %v, want %v", name, got, want)
		}
	}
}

// A machine whose usable cores are all of the efficient kind has one kind.
func TestOnlyEfficientCores(t *testing.T) {
	files := load(t, "hybrid")
	files["proc/self/status"] = &fstest.MapFile{Data: []byte("Cpus_allowed_list:\t4-5\n")}
	m := unknown
	root{files}.describe(&m)
	if m.CPUs != 6 || m.Threads != 2 || m.Cores != 2 || m.FastCores != 2 {
		t.Errorf("got %d processors, %d threads, %d cores, %d fast, want 6, 2, 2, 2", m.CPUs, m.Threads, m.Cores, m.FastCores)
	}
}

func TestParseCPUList(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []int
		ok   bool
	}{
		{"0", []int{0}, true},
		{"0-3,8,10-11\n", []int{0, 1, 2, 3, 8, 10, 11}, true},
		{"5,1-2,2", []int{1, 2, 5}, true},
		{"8191", []int{8191}, true},
		{"", nil, false},
		{"a", nil, false},
		{"1-", nil, false},
		{"-1", nil, false},
		{"3-1", nil, false},
		{"0-8192", nil, false},
		{"0-99999999999999999999", nil, false},
		{strings.Repeat("0-8191,", 3) + "1", nil, false},
	} {
		if got, ok := parseCPUList(c.in); ok != c.ok || !slices.Equal(got, c.want) {
			t.Errorf("parseCPUList(%q): got %v, %v, want %v, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"48K", 48 * kib, true},
		{"32M", 32 * mib, true},
		{"1G", gib, true},
		{"512", 512, true},
		{"", 0, false},
		{"K", 0, false},
		{"-1K", 0, false},
		{"1T", 0, false},
		{"9223372036854775807K", 0, false},
	} {
		if got, ok := parseSize(c.in); ok != c.ok || got != c.want {
			t.Errorf("parseSize(%q): got %d, %v, want %d, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}

func TestLastLevel(t *testing.T) {
	m := Machine{Caches: []Cache{{1, "data", 10, 4}, {2, "unified", 100, 2}, {3, "unified", 1000, 3}, {3, "instruction", 7, 1}}}
	if got := m.LastCache(); got != 3000 {
		t.Errorf("last caches: got %d bytes, want 3000", got)
	}
	if got := (&Machine{}).LastCache(); got != 0 {
		t.Errorf("last caches of none: got %d bytes, want 0", got)
	}
}

func TestTidy(t *testing.T) {
	for in, want := range map[string]string{
		"  AMD\tEPYC  \n9354 ":   "AMD EPYC 9354",
		"a\x00b\x1b[31m":         "ab[31m",
		strings.Repeat("x", 300): strings.Repeat("x", 200),
	} {
		if got := tidy(in); got != want {
			t.Errorf("tidy(%q): got %q, want %q", in, got, want)
		}
	}
}

func TestTooLongFile(t *testing.T) {
	r := root{fstest.MapFS{"proc/cpuinfo": {Data: make([]byte, maxText+1)}}}
	if s, ok := r.text("proc/cpuinfo"); ok || s != "" {
		t.Errorf("a file of %d bytes: got %d bytes, %v, want none, false", maxText+1, len(s), ok)
	}
}

func TestParseLogicalProcessors(t *testing.T) {
	record := func(relation, level byte, size uint32, kind byte) []byte {
		b := make([]byte, 32)
		b[8], b[16] = relation, level
		b[20], b[21], b[22], b[23] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
		b[24] = kind
		return b
	}
	records := slices.Concat(
		record(0, 0, 0, 0), record(2, 1, 48<<10, 2), record(2, 1, 32<<10, 1), record(2, 2, 1280<<10, 0),
		record(0, 0, 0, 0), record(2, 1, 48<<10, 2), record(2, 1, 32<<10, 1), record(2, 2, 1280<<10, 0),
		record(2, 3, 20<<20, 0), record(3, 0, 0, 0), record(1, 0, 0, 0), record(2, 9, 1, 3), []byte{0, 0})
	cores, caches := parseLogicalProcessors(records)
	want := []Cache{{1, "data", 48 * kib, 2}, {1, "instruction", 32 * kib, 2}, {2, "unified", 1280 * kib, 2}, {3, "unified", 20 * mib, 1}}
	if cores != 2 || !slices.Equal(caches, want) {
		t.Errorf("got %d cores, caches %v, want 2, %v", cores, caches, want)
	}
}

// texts is a file system in which a file's text follows from its name.
type texts func(name string) string

func (f texts) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	return fstest.MapFS{name: {Data: []byte(f(name))}}.Open(name)
}

// FuzzDescribe puts any text into every file that is read: nothing may panic,
// take long or come out negative.
func FuzzDescribe(f *testing.F) {
	for _, name := range []string{"microvm", "docker_v2", "hybrid", "big_little", "kubernetes_v1", "strict"} {
		files := load(f, name)
		text := func(name string) string {
			if file := files[name]; file != nil {
				return string(file.Data)
			}
			return ""
		}
		f.Add(text("proc/cpuinfo"), text("proc/meminfo"), text("proc/self/status"), text("proc/self/cgroup"), text("proc/self/mountinfo"),
			"0-7", "2", "48K", "250000 100000", "1000000", "active_file 100")
	}
	f.Fuzz(func(t *testing.T, cpuinfo, meminfo, status, cgroup, mountinfo, list, number, size, quota, bytes, stat string) {
		if numbers, _ := parseCPUList(list); len(numbers) > 64 || strings.Count(cpuinfo, "processor") > 64 {
			return // each processor takes its time
		}
		r := root{texts(func(name string) string {
			switch base := path.Base(name); {
			case name == "proc/cpuinfo":
				return cpuinfo
			case name == "proc/meminfo":
				return meminfo
			case name == "proc/self/status":
				return status
			case name == "proc/self/cgroup":
				return cgroup
			case name == "proc/self/mountinfo":
				return mountinfo
			case base == "level", base == "cpu_capacity", base == "overcommit_memory":
				return number
			case base == "size":
				return size
			case base == "cpu.max", strings.HasPrefix(base, "cpu.cfs"):
				return quota
			case base == "memory.stat":
				return stat
			case strings.HasPrefix(base, "memory."):
				return bytes
			}
			return list
		})}
		m := unknown
		r.describe(&m)
		if m.CPUs < 1 || m.Threads < 1 || m.Cores < 0 || m.Cores > m.Threads || m.FastCores < 0 || m.FastCores > m.Cores {
			t.Errorf("describe: got %d processors, %d threads, %d cores, %d fast", m.CPUs, m.Threads, m.Cores, m.FastCores)
		}
		if !(m.CPUQuota >= 0) || m.Memory < 0 || m.MemoryLimit < 0 || m.MemoryAvailable < 0 || m.LastCache() < 0 {
			t.Errorf("describe: got quota %g, memory %d, limit %d, %d available, caches %v", m.CPUQuota, m.Memory, m.MemoryLimit, m.MemoryAvailable, m.Caches)
		}
	})
}
