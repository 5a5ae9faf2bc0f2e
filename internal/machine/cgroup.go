package machine

import (
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// membership is a line of /proc/self/cgroup: the control group of this process
// for some controllers (version 1) or for all the rest (version 2, no names).
type membership struct {
	controllers []string
	path        string
}

// parseMemberships reads lines "number:controllers:path".
func parseMemberships(text string) []membership {
	var list []membership
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 || !strings.HasPrefix(parts[2], "/") {
			continue
		}
		m := membership{path: path.Clean(parts[2])}
		if parts[1] != "" {
			m.controllers = strings.Split(parts[1], ",")
		}
		list = append(list, m)
	}
	return list
}

// mount is a line of /proc/self/mountinfo for a hierarchy of control groups.
type mount struct {
	root, point string   // the group that is seen at the folder
	version     int      // 1 or 2
	options     []string // names the controllers of version 1
}

// parseMounts reads the lines for control groups, described in proc(5):
// "36 35 98:0 root point options optional... - type source options".
func parseMounts(text string) []mount {
	var list []mount
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		if !ok {
			continue
		}
		f, t := strings.Fields(before), strings.Fields(after)
		if len(f) < 6 || len(t) < 3 {
			continue
		}
		m := mount{root: unescape(f[3]), point: unescape(f[4]), options: strings.Split(t[2], ",")}
		switch t[0] {
		case "cgroup":
			m.version = 1
		case "cgroup2":
			m.version = 2
		default:
			continue
		}
		list = append(list, m)
	}
	return list
}

// unescape undoes mountinfo's \ooo for spaces, tabs, line feeds and backslashes.
func unescape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		if s[0] == '\\' && len(s) >= 4 {
			if c, err := strconv.ParseUint(s[1:4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				s = s[4:]
				continue
			}
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}

// groups returns the folders of the control groups that bind this process with a
// controller, its own first, then those above it, and the version. Groups above
// what a container sees cannot be read.
func (r root) groups(controller string) (dirs []string, version int) {
	own, _ := r.text("proc/self/cgroup")
	text, _ := r.text("proc/self/mountinfo")
	mounts := parseMounts(text)
	for version := 1; version <= 2; version++ { // what version 1 has is not in version 2
		for _, m := range parseMemberships(own) {
			if m.controllers == nil != (version == 2) || version == 1 && !slices.Contains(m.controllers, controller) {
				continue
			}
			if at, ok := findMount(mounts, version, controller, m.path); ok {
				return at.folders(m.path), version
			}
		}
	}
	return nil, 0
}

// findMount returns the mount that shows a group, or the first of the hierarchy
// where none claims to: a container may see its own group under another name.
func findMount(list []mount, version int, controller, group string) (mount, bool) {
	var first mount
	for _, m := range list {
		if m.version != version || version == 1 && !slices.Contains(m.options, controller) {
			continue
		}
		if _, ok := below(m.root, group); ok {
			return m, true
		}
		if first.version == 0 {
			first = m
		}
	}
	return first, first.version != 0
}

// below returns the path of a group from root on.
func below(root, group string) (string, bool) {
	if root == "/" {
		return group, true
	}
	rest, ok := strings.CutPrefix(group, root)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// folders returns the folder of a group and all above it, up to the mount.
func (m mount) folders(group string) []string {
	rest, ok := below(m.root, group)
	if !ok {
		rest = "/"
	}
	var dirs []string
	for dir := path.Join("/", rest); dir != "/"; dir = path.Dir(dir) {
		dirs = append(dirs, path.Join(m.point, dir))
	}
	return append(dirs, m.point)
}

// cpuQuota returns the processors' worth of time that control groups allow, or 0
// for no limit.
func (r root) cpuQuota() float64 {
	least := 0.0
	dirs, version := r.groups("cpu")
	for _, dir := range dirs {
		var quota, period string
		if version == 2 {
			s, _ := r.text(dir + "/cpu.max") // "max 100000" or "150000 100000"
			quota, period, _ = strings.Cut(s, " ")
		} else {
			quota, _ = r.text(dir + "/cpu.cfs_quota_us") // -1: no limit
			period, _ = r.text(dir + "/cpu.cfs_period_us")
		}
		q, err1 := strconv.ParseInt(quota, 10, 64)
		p, err2 := strconv.ParseInt(period, 10, 64)
		if err1 != nil || err2 != nil || q <= 0 || p <= 0 {
			continue
		}
		if x := float64(q) / float64(p); least == 0 || x < least {
			least = x
		}
	}
	return least
}

// groupMemory returns the smallest memory limit of the control groups and the
// least that one of them has left. Both are math.MaxInt64 without a limit.
func (r root) groupMemory() (limit, left int64) {
	limit, left = math.MaxInt64, math.MaxInt64
	dirs, version := r.groups("memory")
	limits, current := []string{"memory.limit_in_bytes"}, "memory.usage_in_bytes"
	given := []string{"total_inactive_file", "total_active_file"}
	if version == 2 {
		// Beyond memory.high the system takes memory back and slows the process.
		limits, current = []string{"memory.max", "memory.high"}, "memory.current"
		given = []string{"inactive_file", "active_file", "slab_reclaimable"}
	}
	for _, dir := range dirs {
		l := int64(math.MaxInt64)
		for _, name := range limits {
			n, ok := r.number(dir + "/" + name)
			if ok && n >= 0 && n <= maxBytes { // "max", or in version 1 almost 2^63: none
				l = min(l, n)
			}
		}
		used, ok := r.number(dir + "/" + current)
		if l == math.MaxInt64 || !ok {
			continue
		}
		// What the system can take back is available, as it is in MemAvailable.
		stat, _ := r.text(dir + "/memory.stat")
		amounts := parseAmounts(stat)
		for _, key := range given {
			used -= min(used, amounts[key])
		}
		limit, left = min(limit, l), min(left, max(0, l-used))
	}
	return limit, left
}
