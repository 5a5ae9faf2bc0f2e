package quant

import (
	"math"
	"math/bits"
)

// The encoders of the codebook types. A block of 256 weights has a float16 factor d,
// and each group of 16 or 32 a scale d*(2*code+1). Every group first finds the real
// scale, and points, whose weighted squared error is least: scales without a grid lead
// to a start, and from a few scales around it the points are searched and the scale is
// fitted to them. Then d is chosen, the one whose codes come closest to the scales of
// all groups, and the points are searched again for the scales that codes can say.
// Last, d is fitted to all points.

// iqFormat is what the types differ in.
type iqFormat struct {
	book  *codebook
	size  int  // bytes of a block
	group int  // weights that share a scale
	codes int  // scales that a code can say
	signs bool // stored apart from the points
	even  bool // the number of minus signs of eight weights

	octal       *octal   // levels of the grids of eight
	ternary     *ternary // levels of the grids of three,
	shiftedDown *ternary // and others, if points can have these
	apart       bool     // eight weights are shifted down for themselves, not a group
}

// iqBlock is a block of 256 weights that is being encoded.
type iqBlock struct {
	*iqFormat
	x, w, wx [256]float32 // weights, positive where signs are apart; importances; products
	minus    [32]uint8    // the signs of eight weights each
	fits     [16]fit      // by group
	scales   [16]float32
	code     [16]int
}

// encodeIQ writes a row with a format; pack writes a block whose factor is not zero.
func encodeIQ(dst []byte, row, importance []float32, f *iqFormat, pack func(dst []byte, d uint16, b *iqBlock)) {
	b := &iqBlock{iqFormat: f}
	clear(dst)
	for i := range len(row) / 256 {
		var w []float32
		if importance != nil {
			w = importance[256*i:][:256]
		}
		if d := b.encode(row[256*i:][:256], w); d != 0 {
			pack(dst[f.size*i:][:f.size], d, b)
		}
	}
}

// encode finds fits and codes, and returns the float16 factor: 0 where zeros are best.
func (b *iqBlock) encode(x, importance []float32) uint16 {
	top := greatest(x)
	if top < 0x1p-28 { // half of the least that a shift by 1/8 makes of the least float16
		return 0
	}
	_, exponent := math.Frexp(float64(top))
	b.load(x, importance, 1-exponent)
	for g := range 256 / b.group {
		b.seek(g)
	}
	h := b.factor(exponent - 1)
	d := scaled(h, 1-exponent)
	sum := b.settle(d)
	scale, _ := sum.best()
	if again := toHalf(scale, exponent-1); sum.gain(scaled(again, 1-exponent)) > sum.gain(d) {
		h = again
	}
	if sum.gain(scaled(h, 1-exponent)) <= 0 {
		return 0
	}
	return h
}

// load takes 256 weights times a power of two that makes all magnitudes less than 2.
func (b *iqBlock) load(x, importance []float32, exponent int) {
	weigh(b.w[:], importance)
	scale := float32(math.Ldexp(1, exponent))
	for i := range b.x {
		b.x[i] = x[i] * scale
	}
	if b.signs {
		for k := range b.minus {
			b.minus[k] = b.split((*[8]float32)(b.x[8*k:]), (*[8]float32)(b.w[8*k:]))
		}
	}
	for i := range b.wx {
		b.wx[i] = b.w[i] * b.x[i]
	}
}

// split takes the signs off eight weights. If their number has to be even and is not,
// one weight gets the wrong sign, and is negative from then on: the one whose w*|x| is
// least, for the error grows by 4*w*|x|*a*q, and its q will be the least level.
func (b *iqBlock) split(x, w *[8]float32) (minus uint8) {
	for i := range x {
		u := math.Float32bits(x[i])
		minus |= uint8(u >> 31 << i)
		x[i] = math.Float32frombits(u &^ (1 << 31))
	}
	if !b.even || bits.OnesCount8(minus)&1 == 0 {
		return minus
	}
	least, at := float32(math.MaxFloat32), 0
	for i := range x {
		if loss := w[i] * x[i]; loss < least {
			least, at = loss, i
		}
	}
	x[at] = -x[at]
	return minus ^ 1<<at
}

// fit finds the points of group g at scale a.
func (b *iqBlock) fit(f *fit, g int, a float32) {
	w, wx := b.w[b.group*g:][:b.group], b.wx[b.group*g:][:b.group]
	var sums [1]fitSums
	switch {
	case b.octal != nil:
		b.book.fit8(&f.ids, &sums[0], w, wx, a, b.octal)
	case b.shiftedDown == nil:
		b.book.fit3(&f.ids, sums[:], w, wx, a, b.ternary)
	default:
		b.fitShifted(f, w, wx, a)
		return
	}
	f.xq, f.qq = sums[0].total()
}

// fitShifted finds the points of both shifts, and takes the better one.
func (b *iqBlock) fitShifted(f *fit, w, wx []float32, a float32) {
	var sums [2][4]fitSums
	parts, points := 1, len(w)/8
	if b.apart {
		parts, points = points, 1
	}
	up, down := sums[0][:parts], sums[1][:parts]
	var lower fit
	b.book.fit3(&f.ids, up, w, wx, a, b.ternary)
	b.book.fit3(&lower.ids, down, w, wx, a, b.shiftedDown)
	for i := range up {
		var upper fit
		upper.xq, upper.qq = up[i].total()
		lower.xq, lower.qq = down[i].total()
		better := &upper
		if lower.gain(a) > upper.gain(a) {
			better = &lower
			f.down |= 1 << i
			copy(f.ids[points*i:points*(i+1)], lower.ids[points*i:])
		}
		f.xq += better.xq
		f.qq += better.qq
	}
}

// spreads are the scales that a group is fitted at, in parts of where it starts.
var spreads = [...]float32{1, 0.92, 1.08}

// seek finds the real scale of group g and its points: after the spreads once more at
// the scale that was best.
func (b *iqBlock) seek(g int) {
	at, f := b.group*g, &b.fits[g]
	start := b.book.climb(b.x[at:at+b.group], b.w[at:at+b.group], b.wx[at:at+b.group])
	*f, b.scales[g] = fit{}, 0
	if start == 0 {
		return
	}
	most := float32(0)
	for i := range len(spreads) + 1 {
		a := b.scales[g]
		if i < len(spreads) {
			a = float32(start * spreads[i])
		}
		if a == 0 {
			return
		}
		var try fit
		b.fit(&try, g, a)
		if scale, gain := try.best(); gain > most {
			*f, b.scales[g], most = try, scale, gain
		}
	}
}

// factors is how many factors are tried, and from where on and how far apart they lie,
// in parts of the one with which the greatest scale has the greatest code.
const (
	factors      = 24
	firstFactor  = 0.6
	factorSpread = 0.025
)

// factor returns the float16 whose multiples come closest to the scales of the groups:
// a scale that is off by r costs r²*qq. It is not zero.
func (b *iqBlock) factor(exponent int) (best uint16) {
	groups := 256 / b.group
	top := float32(0)
	for _, s := range b.scales[:groups] {
		top = max(top, s)
	}
	top /= float32(2*b.codes - 1)
	least, last := float32(math.MaxFloat32), uint16(0)
	for i := range factors {
		h := toHalf(float32(top*(firstFactor+float32(factorSpread*float32(i)))), exponent)
		if h == last {
			continue
		}
		last = h
		d := scaled(h, -exponent)
		inverse, loss := 0.5/d, float32(0)
		for g, s := range b.scales[:groups] {
			code := min(int(s*inverse), b.codes-1)
			off := float32(d*float32(2*code+1)) - s
			loss += float32(b.fits[g].qq * float32(off*off))
		}
		if loss < least {
			best, least = h, loss
		}
	}
	return best
}

// settle chooses a code for each group for factor d, of the two that are nearest to its
// scale, and the points that go with it. It returns the sums of all groups.
func (b *iqBlock) settle(d float32) (sum fit) {
	for g := range 256 / b.group {
		code := min(int(max(float32(0.5*b.scales[g])/d-0.5, 0)), b.codes-2)
		var fits [2]fit
		var gains [2]float32
		for i := range fits {
			a := float32(d * float32(2*(code+i)+1))
			b.fit(&fits[i], g, a)
			gains[i] = fits[i].gain(a)
		}
		i := 0
		if gains[1] > gains[0] {
			i = 1
		}
		b.fits[g], b.code[g] = fits[i], code+i
		k := float32(2*(code+i) + 1)
		sum.xq += float32(k * fits[i].xq)
		sum.qq += float32(k * k * fits[i].qq)
	}
	return sum
}

// toHalf rounds d times a power of two to a float16 that is neither zero nor infinite.
func toHalf(d float32, exponent int) uint16 {
	return min(max(F32ToF16(float32(math.Ldexp(float64(d), exponent))), 1), 0x7bff)
}

// scaled is h times a power of two.
func scaled(h uint16, exponent int) float32 {
	return float32(math.Ldexp(float64(F16ToF32(h)), exponent))
}
