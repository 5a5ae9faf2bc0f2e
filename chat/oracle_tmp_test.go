package chat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"
)

// temporary driver: CASES file of JSON lines {"template","context"}; writes results.
func TestTmpDriver(t *testing.T) {
	in := os.Getenv("CASES")
	if in == "" {
		t.Skip("no CASES")
	}
	f, _ := os.Open(in)
	out, _ := os.Create(in + ".got")
	w := bufio.NewWriter(out)
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<28)
	cache := map[string]*Template{}
	for sc.Scan() {
		v, err := ParseJSON(sc.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		d, _ := v.Dict()
		tv, _ := d.Get("template")
		src, _ := tv.Text()
		cv, _ := d.Get("context")
		ctx, _ := cv.Dict()
		res := map[string]string{}
		tm := cache[src]
		if tm == nil {
			tm, err = NewTemplate(src)
			cache[src] = tm
		}
		if err == nil {
			tm.Now = func() time.Time { return time.Date(2026, 11, 23, 13, 7, 9, 1234000, time.UTC) }
			var s string
			s, err = tm.Render(ctx)
			if err == nil {
				res["ok"] = s
			}
		}
		if err != nil {
			res["error"] = err.Error()
		}
		b, _ := json.Marshal(res)
		fmt.Fprintf(w, "%s\n", b)
	}
	w.Flush()
}
