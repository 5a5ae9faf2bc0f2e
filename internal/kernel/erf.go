package kernel

// GeluErfAll writes dst[i] = x[i]/2 * (1 + erf(x[i]/√2)), the Gaussian error linear unit as it
// is defined (Hendrycks and Gimpel 2016); dst [n] may be x [n].
func GeluErfAll(dst, x []float32) {
	var e [geluRun]float32
	for len(x) > 0 {
		n := min(len(x), geluRun)
		for i, v := range x[:n] {
			z := float32(v * halfRoot)
			e[i] = -float32(z * z)
		}
		ExpAll(e[:n], e[:n])
		for i, v := range x[:n] {
			dst[i] = float32(0.5*v) * onePlusErf(float32(v*halfRoot), e[i])
		}
		dst, x = dst[n:], x[n:]
	}
}

// geluRun is how many numbers GeluErfAll takes at once.
const geluRun = 256

// halfRoot is 1/√2.
const halfRoot = 0.70710678

// The polynomials of erf and its complement, the highest power first (Cephes' ndtrf).
var (
	erfBelow1   = [...]float32{7.853861353e-5, -8.010193625e-4, 5.188327686e-3, -2.685381193e-2, 1.128358515e-1, -3.761262582e-1, 1.128379167}
	erfcBelow2  = [...]float32{2.326819970e-2, -1.387039389e-1, 3.687424675e-1, -5.824733027e-1, 6.210004622e-1, -4.944515323e-1, 3.404879938e-1, -2.741127028e-1, 5.638259427e-1}
	erfcBeyond2 = [...]float32{-1.047766400e+1, 1.297719955e+1, -7.495518718, 2.921019019, -1.015265279, 4.218463358e-1, -2.820767440e-1, 5.641895068e-1}
)

// onePlusErf returns 1 + erf(z), where e is exp(-z²).
func onePlusErf(z, e float32) float32 {
	a := max(z, -z)
	if a < 1 {
		return 1 + float32(z*horner32(float32(z*z), erfBelow1[:]))
	}
	q := 1 / a
	y := float32(q * q)
	tail := float32(e * q)
	if a < 2 {
		tail = float32(tail * horner32(y, erfcBelow2[:]))
	} else {
		tail = float32(tail * horner32(y, erfcBeyond2[:]))
	}
	if z > 0 {
		return 2 - tail
	}
	return tail
}

// horner32 returns the polynomial at y, each product and sum rounded.
func horner32(y float32, c []float32) float32 {
	p := c[0]
	for _, k := range c[1:] {
		p = float32(p*y) + k
	}
	return p
}
