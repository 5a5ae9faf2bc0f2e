package machine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCacheKinds bounds how many caches of one processor are looked at; there are
// four or five.
const maxCacheKinds = 8

// caches returns the caches of processors, by level. Caches that several
// processors share count once.
func (r root) caches(numbers []int) []Cache {
	type place struct {
		level        int
		kind, shared string
	}
	seen := map[place]bool{}
	var list []Cache
	for _, n := range numbers {
		for i := range maxCacheKinds {
			dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/cache/index%d/", n, i)
			level, ok := r.number(dir + "level")
			if !ok {
				break
			}
			kind, _ := r.text(dir + "type")
			size, _ := r.text(dir + "size")
			bytes, ok := parseSize(size)
			if !ok || bytes == 0 || level < 1 || level > 9 {
				continue
			}
			shared, ok := r.text(dir + "shared_cpu_list")
			if !ok {
				shared = strconv.Itoa(n)
			}
			kind = strings.ToLower(tidy(kind))
			if p := (place{int(level), kind, shared}); !seen[p] {
				seen[p] = true
				list = addCache(list, Cache{Level: p.level, Kind: kind, Bytes: bytes, Count: 1})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Cache) int {
		return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.Kind, b.Kind), cmp.Compare(b.Bytes, a.Bytes))
	})
	return list
}

// addCache counts caches of the same kind and size together.
func addCache(list []Cache, c Cache) []Cache {
	for i := range list {
		if list[i].Level == c.Level && list[i].Kind == c.Kind && list[i].Bytes == c.Bytes {
			list[i].Count += c.Count
			return list
		}
	}
	return append(list, c)
}

// parseSize reads a size as Linux writes it: "48K", "2048K", "32M", "512".
func parseSize(s string) (int64, bool) {
	shift := 0
	if s != "" {
		if at := strings.IndexByte("KMG", s[len(s)-1]); at >= 0 {
			shift, s = 10*(at+1), s[:len(s)-1]
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<62>>shift {
		return 0, false
	}
	return n << shift, true
}
