//go:build !amd64 || purego

package quant

func (l *panelLoad) load()        { l.loadPortable() }
func (e *extremes) find()         { e.findPortable() }
func (z *quantiser) quantise()    { z.quantisePortable() }
func (z *quantiser) quantiseIQ4() { z.quantiseIQ4Portable() }
func (f *rangeFit) shift()        { f.shiftPortable() }
func (f *rangeFit) try()          { f.tryPortable() }
func (f *rangeFit) refit()        { f.refitPortable() }
func (f *rangeFit) integers()     { f.integersPortable() }
func (f *scaleFit) try()          { f.tryPortable() }
func (t *scaleTrial) try()        { t.tryPortable() }
func (t *scaleTrial) squares()    { t.squaresPortable() }
func (w *widening) fromF16()      { w.fromF16Portable() }
func (w *widening) fromBF16()     { w.fromBF16Portable() }
func (m *magnitudes) find()       {}
func (q *q8Blocks) write()        { q.writePortable() }
func (m *magnifier) magnify()     { m.magnifyPortable() }
