package machine

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"
)

func TestParseMemberships(t *testing.T) {
	got := parseMemberships("12:cpu,cpuacct:/docker/a:b\n0::/../other\nbad\n3:memory:relative\n")
	want := []membership{{[]string{"cpu", "cpuacct"}, "/docker/a:b"}, {nil, "/other"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseMounts(t *testing.T) {
	got := parseMounts(`1 0 8:1 / / rw - ext4 /dev/sda1 rw
35 24 0:30 / /sys/fs/c\040group rw,relatime shared:5 master:2 - cgroup2 cgroup2 rw,nsdelegate
36 24 0:31 /a /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
37 24 0:31 / /x rw - cgroup cgroup
38 24 0:31 /
`)
	want := []mount{
		{"/", "/sys/fs/c group", 2, []string{"rw", "nsdelegate"}},
		{"/a", "/sys/fs/cgroup/cpu", 1, []string{"rw", "cpu", "cpuacct"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{`a\040b\011\134`: "a b\t\\", `\04`: `\04`, `\999`: `\999`, `\`: `\`, "": ""} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q): got %q, want %q", in, got, want)
		}
	}
}

func TestGroups(t *testing.T) {
	const v2 = "35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	for _, c := range []struct {
		name, own, mounts string
		want              []string
		version           int
	}{
		{"host", "0::/a.slice/b\n", v2, []string{"/sys/fs/cgroup/a.slice/b", "/sys/fs/cgroup/a.slice", "/sys/fs/cgroup"}, 2},
		{"own name space", "0::/\n", v2, []string{"/sys/fs/cgroup"}, 2},
		{"mounted below its group", "0::/a/b\n", "35 24 0:30 /a /mnt rw - cgroup2 x rw\n", []string{"/mnt/b", "/mnt"}, 2},
		{"another's name", "0::/a/b\n", "35 24 0:30 /../c /mnt rw - cgroup2 x rw\n", []string{"/mnt"}, 2},
		{"the mount that shows it", "0::/a\n", "1 2 0:3 /x /one rw - cgroup2 x rw\n1 2 0:3 /a /two rw - cgroup2 x rw\n", []string{"/two"}, 2},
		{"both versions", "0::/a\n4:memory:/m\n", v2 + "1 2 0:3 / /mem rw - cgroup x rw,memory\n", []string{"/mem/m", "/mem"}, 1},
		{"version 1 without the controller", "0::/a\n4:cpu:/m\n", v2 + "1 2 0:3 / /mem rw - cgroup x rw,cpu\n", []string{"/sys/fs/cgroup/a", "/sys/fs/cgroup"}, 2},
		{"no mount", "0::/a\n", "", nil, 0},
		{"no group", "", v2, nil, 0},
	} {
		r := root{fstest.MapFS{"proc/self/cgroup": {Data: []byte(c.own)}, "proc/self/mountinfo": {Data: []byte(c.mounts)}}}
		if got, version := r.groups("memory"); !slices.Equal(got, c.want) || version != c.version {
			t.Errorf("%s: got %q of version %d, want %q of version %d", c.name, got, version, c.want, c.version)
		}
	}
}

// nested returns a group below another, both of version 2, with the given files.
func nested(files map[string]string) root {
	fs := fstest.MapFS{
		"proc/self/cgroup":    {Data: []byte("0::/a/b\n")},
		"proc/self/mountinfo": {Data: []byte("35 24 0:30 / /g rw - cgroup2 cgroup2 rw\n")},
	}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root{fs}
}

func TestCPUQuota(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  float64
	}{
		{"none", nil, 0},
		{"max", map[string]string{"g/a/b/cpu.max": "max 100000\n", "g/a/cpu.max": "max 100000\n"}, 0},
		{"own", map[string]string{"g/a/b/cpu.max": "150000 100000\n", "g/a/cpu.max": "max 100000\n"}, 1.5},
		{"the parent's is smaller", map[string]string{"g/a/b/cpu.max": "400000 100000\n", "g/a/cpu.max": "50000 200000\n"}, 0.25},
		{"nonsense", map[string]string{"g/a/b/cpu.max": "100000 0\n", "g/a/cpu.max": "-5 7\n", "g/cpu.max": "x\n"}, 0},
	} {
		if got := nested(c.files).cpuQuota(); got != c.want {
			t.Errorf("quota, %s: got %g, want %g", c.name, got, c.want)
		}
	}
}

func TestGroupMemory(t *testing.T) {
	const none = math.MaxInt64
	for _, c := range []struct {
		name        string
		files       map[string]string
		limit, left int64
	}{
		{"none", nil, none, none},
		{"max", map[string]string{"g/a/b/memory.max": "max\n", "g/a/b/memory.current": "5\n"}, none, none},
		{"own", map[string]string{"g/a/b/memory.max": "100\n", "g/a/b/memory.current": "60\n", "g/a/b/memory.stat": "inactive_file 20\nactive_file 10\n"}, 100, 70},
		{"used up", map[string]string{"g/a/b/memory.max": "100\n", "g/a/b/memory.current": "130\n"}, 100, 0},
		{"more cache than use", map[string]string{"g/a/b/memory.max": "100\n", "g/a/b/memory.current": "10\n", "g/a/b/memory.stat": "inactive_file 999\n"}, 100, 100},
		{"high is lower", map[string]string{"g/a/b/memory.max": "100\n", "g/a/b/memory.high": "80\n", "g/a/b/memory.current": "10\n"}, 80, 70},
		{"the parent has less left", map[string]string{
			"g/a/b/memory.max": "100\n", "g/a/b/memory.current": "10\n",
			"g/a/memory.max": "200\n", "g/a/memory.current": "195\n",
		}, 100, 5},
		{"no use known", map[string]string{"g/a/b/memory.max": "100\n"}, none, none},
	} {
		if limit, left := nested(c.files).groupMemory(); limit != c.limit || left != c.left {
			t.Errorf("memory, %s: got limit %d, %d left, want %d, %d", c.name, limit, left, c.limit, c.left)
		}
	}
}

func TestParseAmounts(t *testing.T) {
	got := parseAmounts("MemTotal:  16 kB\nactive_file 7\nHuge: 9223372036854775807 kB\nMany 2305843009213693952\nbad x\nshort\nNegative: -1 kB\n")
	if want := map[string]int64{"MemTotal": 16 * kib, "active_file": 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A limit tells what is available where the machine's own figures are missing.
func TestMemoryFromGroupAlone(t *testing.T) {
	total, limit, available := nested(map[string]string{"g/a/b/memory.max": "100\n", "g/a/b/memory.current": "60\n"}).memory()
	if total != 0 || limit != 100 || available != 40 {
		t.Errorf("got total %d, limit %d, %d available, want 0, 100, 40", total, limit, available)
	}
}
