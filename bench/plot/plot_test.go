package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const figures = `date,engine,model,test,depth,batch,tokens_per_s,min,max
x,peer <&>,a,pp512,0,1,150,140,160
x,blitz,a,pp512,0,1,200,190,210
x,blitz,a,pp512,8192,1,120,,
x,blitz,a,tg64,0,1,20,19,21
x,blitz,a,tg64,0,1,22,21,23
x,blitz,a,tg64,0,16,90,80,100
`

// wellFormed counts the bars of an SVG.
func wellFormed(t *testing.T, svg string) (bars int) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return bars
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if a.Value == "bar" {
					bars++
				}
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s of %s is %s", a.Name.Local, e.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestPlot(t *testing.T) {
	all, err := read(strings.NewReader(figures))
	if err != nil || len(all) != 6 {
		t.Fatalf("%d lines, %v, want 6", len(all), err)
	}
	list := panels(all)
	if len(list) != 2 || list[0].title != "a: prefill" || list[1].title != "a: decode" {
		t.Fatalf("the panels are %+v", list)
	}
	if got := list[0]; got.engines[0] != "blitz" || strings.Join(got.places, ", ") != "pp512, pp512 at 8192" {
		t.Errorf("prefill: engines %q, places %q", got.engines, got.places)
	}
	if m := list[1].bars[[2]int{0, 0}]; m.rate != 22 || m.least != 19 || m.most != 23 {
		t.Errorf("two measurements of one place became %+v, want 22 of 19 to 23", m)
	}
	svg := draw(list)
	if n := wellFormed(t, svg); n != 5 {
		t.Errorf("%d bars, want 5", n)
	}
	if !strings.Contains(svg, "peer &lt;&amp;&gt;") || !strings.Contains(svg, "tg64 × 16") {
		t.Error("a name is missing")
	}
}

func TestRefused(t *testing.T) {
	for what, text := range map[string]string{
		"no lines":                   "engine,model,test,depth,tokens_per_s\n",
		"no column depth":            "engine,model,test,tokens_per_s\na,b,pp1,3\n",
		`line 2: tokens_per_s is ""`: "engine,model,test,depth,tokens_per_s\na,b,pp1,0,\n",
		`line 2: depth is "-1"`:      "engine,model,test,depth,tokens_per_s\na,b,pp1,-1,4\n",
		`tokens_per_s is "NaN"`:      "engine,model,test,depth,tokens_per_s\na,b,pp1,1,NaN\n",
		"wrong number of fields":     "engine,model,test,depth,tokens_per_s\na,b\n",
	} {
		if _, err := read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want %s", err, what)
		}
	}
}

// Every file of bench that has the columns can be drawn.
func TestFiles(t *testing.T) {
	paths, err := filepath.Glob("../*.csv")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	drawn := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		names, _, _ := strings.Cut(string(text), "\n")
		if !strings.Contains(names, "engine,") || !strings.Contains(names, "tokens_per_s") {
			continue // what a server was measured by
		}
		all, err := read(strings.NewReader(string(text)))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if wellFormed(t, draw(panels(all))) == 0 {
			t.Errorf("%s: no bars", path)
		}
		drawn++
	}
	if drawn == 0 {
		t.Error("no file was drawn")
	}
}

func TestSteps(t *testing.T) {
	for top, want := range map[float64]float64{0: 1, 1: 0.2, 22: 5, 150: 25, 999: 200, 2440: 500} {
		if got := stepOf(top); got != want {
			t.Errorf("up to %v: steps of %v, want %v", top, got, want)
		}
	}
}
