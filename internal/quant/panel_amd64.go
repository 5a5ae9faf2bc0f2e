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
