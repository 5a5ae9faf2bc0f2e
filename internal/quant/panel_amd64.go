//go:build amd64 && !purego

package quant

import "golang.org/x/sys/cpu"

// avx2 says whether the routines are used. Tests change it.
var avx2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasF16C

func (l *panelLoad) load() {
	if !avx2 {
		l.loadPortable()
		return
	}
	loadPanelAVX2(l)
}

func (e *extremes) find() {
	if !avx2 {
		e.findPortable()
		return
	}
	findExtremesAVX2(e)
}

func (z *quantiser) quantise() {
	if !avx2 {
		z.quantisePortable()
		return
	}
	quantiseAVX2(z)
}

func (z *quantiser) quantiseIQ4() {
	if !avx2 {
		z.quantiseIQ4Portable()
		return
	}
	quantiseIQ4AVX2(z)
}

func (f *rangeFit) shift() {
	if !avx2 {
		f.shiftPortable()
		return
	}
	shiftRangeAVX2(f)
}

func (f *rangeFit) try() {
	if !avx2 {
		f.tryPortable()
		return
	}
	tryRangeAVX2(f)
}

func (f *rangeFit) refit() {
	if !avx2 {
		f.refitPortable()
		return
	}
	refitRangeAVX2(f)
}

func (f *rangeFit) integers() {
	if !avx2 {
		f.integersPortable()
		return
	}
	integersRangeAVX2(f)
}

func (f *scaleFit) try() {
	switch {
	case !avx2:
		f.tryPortable()
	case f.levels.iq4:
		tryFitIQ4AVX2(f)
	default:
		tryFitAVX2(f)
	}
}

func (t *scaleTrial) try() {
	switch {
	case !avx2:
		t.tryPortable()
	case t.levels.iq4:
		tryTrialIQ4AVX2(t)
	default:
		tryTrialAVX2(t)
	}
}

func (t *scaleTrial) squares() {
	if !avx2 {
		t.squaresPortable()
		return
	}
	squaresTrialAVX2(t)
}

// fromF16 leaves less than 16 numbers to the portable form.
func (w *widening) fromF16() {
	if w.n = len(w.dst) &^ 15; avx2 && w.n > 0 {
		widenF16AVX2(w)
	} else {
		w.n = 0
	}
	w.fromF16Portable()
}

func (w *widening) fromBF16() {
	if w.n = len(w.dst) &^ 15; avx2 && w.n > 0 {
		widenBF16AVX2(w)
	} else {
		w.n = 0
	}
	w.fromBF16Portable()
}

func (m *magnitudes) find() {
	if n := len(m.x) &^ 31; avx2 && n > 0 {
		m.n = n
		findGreatestAVX2(m)
	}
}

func (q *q8Blocks) write() {
	if !avx2 || q.n == 0 {
		q.writePortable()
		return
	}
	roundQ8AVX2(q)
}

func (m *magnifier) magnify() {
	if !avx2 {
		m.magnifyPortable()
		return
	}
	magnifyAVX2(m)
}
