package pagestore

import (
	"container/list"
	"time"
)

// index is what is known of the pages on disk, by their use: the newest in front, and
// each page before those that continue it. So the last can always go.
type index struct {
	pages map[Sum]*list.Element // of *entry
	order list.List
	bytes int64
}

// entry is a page on disk.
type entry struct {
	name, parent Sum
	split        uint32 // how many pages come before it
	bytes        int64
	used         time.Time
}

func newIndex() index { return index{pages: map[Sum]*list.Element{}} }

func (x *index) get(name Sum) *entry {
	if e, ok := x.pages[name]; ok {
		return e.Value.(*entry)
	}
	return nil
}

// add puts a page in front, and those that it continues before it.
func (x *index) add(p entry) {
	if x.get(p.name) != nil {
		return
	}
	x.pages[p.name] = x.order.PushFront(&p)
	x.bytes += p.bytes
	x.touch(p.name, p.used)
}

// touch says that a page was used, and with it those that it continues.
func (x *index) touch(name Sum, now time.Time) {
	for e, ok := x.pages[name]; ok; {
		p := e.Value.(*entry)
		if p.used.Before(now) {
			p.used = now
		}
		x.order.MoveToFront(e)
		e, ok = x.pages[p.parent]
		// Splits that go down by one each lead in no circle, whatever files say.
		ok = ok && p.split > 0 && e.Value.(*entry).split == p.split-1
	}
}

func (x *index) remove(name Sum) {
	if e, ok := x.pages[name]; ok {
		x.bytes -= e.Value.(*entry).bytes
		x.order.Remove(e)
		delete(x.pages, name)
	}
}

// oldest returns the page that goes first; nil where there is none.
func (x *index) oldest() *entry {
	if e := x.order.Back(); e != nil {
		return e.Value.(*entry)
	}
	return nil
}
