//go:build amd64 && !purego

package kernel

import (
	"math/bits"
	"slices"

	"golang.org/x/sys/cpu"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// tileForm says what the scales of tiles are; see the tiles of _asm.
type tileForm int

const (
	tileF32 tileForm = iota
	tileF32M
	tileF3216
	tileF32M16
	tileF16
	tileOne
	numTileForms
)

// tileF3216Six is tileF3216 for integers of at most six bits, which AVX2 adds in sixteen.
const tileF3216Six = numTileForms

// width returns which routines of two widths the implementation runs: 0 for 256 bits, 1 for
// 512.
func width() int {
	if impl >= AVX512 {
		return 1
	}
	return 0
}

// gemvKey is a packed format without its table.
type gemvKey struct {
	layout Layout
	scales Scales
	block  int
}

// gemvRoutines has the routines for one vector: AVX2, AVX-512, and AVX-512 that asks for
// lines of the second cache. Those of AVX2 are direct where directRoutines has the form.
var gemvRoutines = map[gemvKey][3]func(*productArgs){
	{Bits2, ScalesKM, 16}:    {directBits2KM16x1AVX2, gemvBits2KM16AVX512, gemvBits2KM16FarAVX512},
	{Bits2, ScalesF16, 32}:   {directBits2F16x1AVX2, gemvBits2F16AVX512, gemvBits2F16FarAVX512},
	{Bits3, ScalesK, 16}:     {directBits3K16x1AVX2, gemvBits3K16AVX512, gemvBits3K16FarAVX512},
	{Bits4, ScalesF16, 32}:   {directBits4F16x1AVX2, gemvBits4F16AVX512, gemvBits4F16FarAVX512},
	{Bits4, ScalesF16M, 32}:  {directBits4F16Mx1AVX2, gemvBits4F16MAVX512, gemvBits4F16MFarAVX512},
	{Bits4, ScalesKM, 32}:    {directBits4KMx1AVX2, gemvBits4KMAVX512, gemvBits4KMFarAVX512},
	{Bits4T, ScalesF16, 32}:  {gemvBits4TF16AVX2, gemvBits4TF16AVX512, gemvBits4TF16FarAVX512},
	{Bits4T, ScalesK, 32}:    {gemvBits4TKAVX2, gemvBits4TKAVX512, gemvBits4TKFarAVX512},
	{Bits4T, ScalesOdd, 32}:  {gemvBits4TOddAVX2, gemvBits4TOddAVX512, gemvBits4TOddFarAVX512},
	{Bits4T, ScalesF32, 32}:  {gemvBits4TF32AVX2, gemvBits4TF32AVX512, gemvBits4TF32FarAVX512},
	{Bits4T, ScalesF32, 16}:  {gemvBits4TF3216AVX2, gemvBits4TF3216AVX512, gemvBits4TF3216FarAVX512},
	{Bits5, ScalesF16, 32}:   {directBits5F16x1AVX2, gemvBits5F16AVX512, gemvBits5F16FarAVX512},
	{Bits5, ScalesF16M, 32}:  {directBits5F16Mx1AVX2, gemvBits5F16MAVX512, gemvBits5F16MFarAVX512},
	{Bits5, ScalesKM, 32}:    {directBits5KMx1AVX2, gemvBits5KMAVX512, gemvBits5KMFarAVX512},
	{Bits6, ScalesK, 16}:     {directBits6K16x1AVX2, gemvBits6K16AVX512, gemvBits6K16FarAVX512},
	{Bits8, ScalesF16, 32}:   {directBits8F16x1AVX2, gemvBits8F16AVX512, gemvBits8F16FarAVX512},
	{Octets8, ScalesOdd, 32}: {gemvOctets8OddAVX2, gemvOctets8OddAVX512, gemvOctets8OddFarAVX512},
	{Octets9, ScalesOdd, 16}: {gemvOctets9Odd16AVX2, gemvOctets9Odd16AVX512, gemvOctets9Odd16FarAVX512},
	{Ternary, ScalesOdd, 32}: {gemvTernaryOddAVX2, gemvTernaryOddAVX512, gemvTernaryOddFarAVX512},
	{Ternary, ScalesOdd, 16}: {gemvTernaryOdd16AVX2, gemvTernaryOdd16AVX512, gemvTernaryOdd16FarAVX512},
	{Sevens, ScalesOdd, 16}:  {gemvSevensOdd16AVX2, gemvSevensOdd16AVX512, gemvSevensOdd16FarAVX512},
	{Quads, ScalesOdd, 32}:   {gemvQuadsOddAVX2, gemvQuadsOddAVX512, gemvQuadsOddFarAVX512},
}

// directRoutines has the routines of AVX2 that decode packed rows in registers for two and
// for four vectors at a time.
var directRoutines = map[gemvKey][2]func(*productArgs){
	{Bits2, ScalesKM, 16}:   {directBits2KM16x2AVX2, directBits2KM16x4AVX2},
	{Bits2, ScalesF16, 32}:  {directBits2F16x2AVX2, directBits2F16x4AVX2},
	{Bits3, ScalesK, 16}:    {directBits3K16x2AVX2, directBits3K16x4AVX2},
	{Bits4, ScalesF16, 32}:  {directBits4F16x2AVX2, directBits4F16x4AVX2},
	{Bits4, ScalesF16M, 32}: {directBits4F16Mx2AVX2, directBits4F16Mx4AVX2},
	{Bits4, ScalesKM, 32}:   {directBits4KMx2AVX2, directBits4KMx4AVX2},
	{Bits5, ScalesF16, 32}:  {directBits5F16x2AVX2, directBits5F16x4AVX2},
	{Bits5, ScalesF16M, 32}: {directBits5F16Mx2AVX2, directBits5F16Mx4AVX2},
	{Bits5, ScalesKM, 32}:   {directBits5KMx2AVX2, directBits5KMx4AVX2},
	{Bits6, ScalesK, 16}:    {directBits6K16x2AVX2, directBits6K16x4AVX2},
	{Bits8, ScalesF16, 32}:  {directBits8F16x2AVX2, directBits8F16x4AVX2},
}

// directFar has the routines of AVX2 for one vector that ask for lines of the second cache.
var directFar = map[gemvKey]func(*productArgs){
	{Bits2, ScalesKM, 16}:   directBits2KM16x1FarAVX2,
	{Bits2, ScalesF16, 32}:  directBits2F16x1FarAVX2,
	{Bits3, ScalesK, 16}:    directBits3K16x1FarAVX2,
	{Bits4, ScalesF16, 32}:  directBits4F16x1FarAVX2,
	{Bits4, ScalesF16M, 32}: directBits4F16Mx1FarAVX2,
	{Bits4, ScalesKM, 32}:   directBits4KMx1FarAVX2,
	{Bits5, ScalesF16, 32}:  directBits5F16x1FarAVX2,
	{Bits5, ScalesF16M, 32}: directBits5F16Mx1FarAVX2,
	{Bits5, ScalesKM, 32}:   directBits5KMx1FarAVX2,
	{Bits6, ScalesK, 16}:    directBits6K16x1FarAVX2,
	{Bits8, ScalesF16, 32}:  directBits8F16x1FarAVX2,
}

// quadRoutines has the routines of AVX2 for one vector that multiply four row blocks at a
// time.
var quadRoutines = map[gemvKey]func(*productArgs){
	{Bits2, ScalesKM, 16}:   quadBits2KM16AVX2,
	{Bits2, ScalesF16, 32}:  quadBits2F16AVX2,
	{Bits4, ScalesF16, 32}:  quadBits4F16AVX2,
	{Bits4, ScalesF16M, 32}: quadBits4F16MAVX2,
	{Bits4, ScalesKM, 32}:   quadBits4KMAVX2,
	{Bits4T, ScalesF16, 32}: quadBits4TF16AVX2,
	{Bits4T, ScalesK, 32}:   quadBits4TKAVX2,
	{Bits4T, ScalesOdd, 32}: quadBits4TOddAVX2,
	{Bits4T, ScalesF32, 32}: quadBits4TF32AVX2,
	{Bits4T, ScalesF32, 16}: quadBits4TF3216AVX2,
	{Bits5, ScalesF16, 32}:  quadBits5F16AVX2,
	{Bits5, ScalesF16M, 32}: quadBits5F16MAVX2,
	{Bits5, ScalesKM, 32}:   quadBits5KMAVX2,
	{Bits6, ScalesK, 16}:    quadBits6K16AVX2,
	{Bits8, ScalesF16, 32}:  quadBits8F16AVX2,
}

// permuteBytes says that the processor has VBMI, by which whole groups of points are
// looked up at once. It is set before the first product and by tests.
var permuteBytes = cpu.X86.HasAVX512VBMI

// gemvPermuting has the routines of AVX-512 for such processors, without and with the
// second cache; unpackPermuting those that decode.
var (
	gemvPermuting = map[gemvKey][2]func(*productArgs){
		{Octets8, ScalesOdd, 32}: {gemvOctets8OddVBMIAVX512, gemvOctets8OddVBMIFarAVX512},
		{Octets9, ScalesOdd, 16}: {gemvOctets9Odd16VBMIAVX512, gemvOctets9Odd16VBMIFarAVX512},
		{Ternary, ScalesOdd, 32}: {gemvTernaryOddVBMIAVX512, gemvTernaryOddVBMIFarAVX512},
		{Ternary, ScalesOdd, 16}: {gemvTernaryOdd16VBMIAVX512, gemvTernaryOdd16VBMIFarAVX512},
		{Sevens, ScalesOdd, 16}:  {gemvSevensOdd16VBMIAVX512, gemvSevensOdd16VBMIFarAVX512},
		{Quads, ScalesOdd, 32}:   {gemvQuadsOddVBMIAVX512, gemvQuadsOddVBMIFarAVX512},
	}
	unpackPermuting = map[Layout]func(*unpackArgs){
		Octets8: unpackOctets8AddVBMIAVX512,
		Octets9: unpackOctets9AddVBMIAVX512,
		Ternary: unpackTernaryAddVBMIAVX512,
		Sevens:  unpackSevensAddVBMIAVX512,
		Quads:   unpackQuadsAddVBMIAVX512,
	}
)

// gemvRoutine returns the routine for one vector, nil where a format has none.
func gemvRoutine(f Format) func(*productArgs) {
	i, far := width(), ways[impl].Fetch == FetchFar
	if i == 1 && far {
		i++
	}
	if i == 0 && far {
		if r := directFar[gemvKey{f.Layout, f.Scales, f.Block}]; r != nil {
			return r
		}
	}
	if i > 0 && permuteBytes && f.Layout.HasGrid() {
		return gemvPermuting[gemvKey{f.Layout, f.Scales, f.Block}][i-1]
	}
	return gemvRoutines[gemvKey{f.Layout, f.Scales, f.Block}][i]
}

// gemmAVX512 has the routines by form and width of the tile of vectors: 1, 4, 8,
// 12, 16; gemmAVX2 by form for one vector or four at a time.
var (
	gemmAVX512 = [numTileForms][5]func(*productArgs){
		tileF32:    {gemmF32x1AVX512, gemmF32x4AVX512, gemmF32x8AVX512, gemmF32x12AVX512, gemmF32x16AVX512},
		tileF32M:   {gemmF32Mx1AVX512, gemmF32Mx4AVX512, gemmF32Mx8AVX512, gemmF32Mx12AVX512, gemmF32Mx16AVX512},
		tileF3216:  {gemmF3216x1AVX512, gemmF3216x4AVX512, gemmF3216x8AVX512, gemmF3216x12AVX512, gemmF3216x16AVX512},
		tileF32M16: {gemmF32M16x1AVX512, gemmF32M16x4AVX512, gemmF32M16x8AVX512, gemmF32M16x12AVX512, gemmF32M16x16AVX512},
		tileF16:    {gemmF16x1AVX512, gemmF16x4AVX512, gemmF16x8AVX512, gemmF16x12AVX512, gemmF16x16AVX512},
		tileOne:    {gemmOnex1AVX512, gemmOnex4AVX512, gemmOnex8AVX512, gemmOnex12AVX512, gemmOnex16AVX512},
	}
	gemmAVX2 = [numTileForms + 1][2]func(*productArgs){
		tileF32:    {directTileF32x1AVX2, directTileF32x4AVX2},
		tileF32M:   {directTileF32Mx1AVX2, directTileF32Mx4AVX2},
		tileF3216:  {directTileF3216x1AVX2, directTileF3216x4AVX2},
		tileF32M16: {directTileF32M16x1AVX2, directTileF32M16x4AVX2},
		tileF16:    {directBits8F16x1AVX2, directBits8F16x4AVX2},
		tileOne:    {directTileOnex1AVX2, directTileOnex4AVX2},

		tileF3216Six: {directTileF3216Sixx1AVX2, directTileF3216Sixx4AVX2},
	}
)

// gemmRoutine returns the routine for a tile of vectors of that width.
func gemmRoutine(t tileForm, width int) func(*productArgs) {
	if impl == AVX2 {
		return gemmAVX2[t][min(width/4, 1)]
	}
	return gemmAVX512[t][width/4]
}

// unpackKey is a layout, and whether its form has a minimum: such forms keep their
// unsigned integers, others get what they mean plus 128.
type unpackKey struct {
	layout  Layout
	minimum bool
}

// unpackRoutines has the routines that decode groups, AVX2 and AVX-512.
var unpackRoutines = map[unpackKey][2]func(*unpackArgs){
	{Bits2, true}:     {unpackBits2AVX2, unpackBits2AVX512},
	{Bits4, true}:     {unpackBits4AVX2, unpackBits4AVX512},
	{Bits5, true}:     {unpackBits5AVX2, unpackBits5AVX512},
	{Bits2, false}:    {unpackBits2AddAVX2, unpackBits2AddAVX512},
	{Bits3, false}:    {unpackBits3AddAVX2, unpackBits3AddAVX512},
	{Bits4, false}:    {unpackBits4AddAVX2, unpackBits4AddAVX512},
	{Bits4T, false}:   {unpackBits4TAddAVX2, unpackBits4TAddAVX512},
	{Bits4Two, false}: {unpackBits4TwoAddAVX2, unpackBits4TwoAddAVX512},
	{Bits5, false}:    {unpackBits5AddAVX2, unpackBits5AddAVX512},
	{Bits6, false}:    {unpackBits6AddAVX2, unpackBits6AddAVX512},
	{Bits8, false}:    {unpackBits8AddAVX2, unpackBits8AddAVX512},
	{Octets8, false}:  {unpackOctets8AddAVX2, unpackOctets8AddAVX512},
	{Octets9, false}:  {unpackOctets9AddAVX2, unpackOctets9AddAVX512},
	{Ternary, false}:  {unpackTernaryAddAVX2, unpackTernaryAddAVX512},
	{Sevens, false}:   {unpackSevensAddAVX2, unpackSevensAddAVX512},
	{Quads, false}:    {unpackQuadsAddAVX2, unpackQuadsAddAVX512},
}

// unpackRoutine returns the routine that decodes groups of a format.
func unpackRoutine(f *Format) func(*unpackArgs) {
	if width() == 1 && permuteBytes && f.Layout.HasGrid() {
		return unpackPermuting[f.Layout]
	}
	return unpackRoutines[unpackKey{f.Layout, f.Scales.HasMin()}][width()]
}

// floatKey is a type of float weights, and how many vectors and row blocks a
// routine multiplies at once.
type floatKey struct {
	t             tensor.DType
	width, blocks int
}

var floatAVX512 = map[floatKey]func(*productArgs){
	{tensor.F32, 1, 8}: floatF32x1x8AVX512, {tensor.F32, 4, 4}: floatF32x4x4AVX512, {tensor.F32, 8, 2}: floatF32x8x2AVX512,
	{tensor.F32, 1, 1}: floatF32x1x1AVX512, {tensor.F32, 4, 1}: floatF32x4x1AVX512, {tensor.F32, 8, 1}: floatF32x8x1AVX512,
	{tensor.F32, 12, 1}: floatF32x12x1AVX512, {tensor.F32, 16, 1}: floatF32x16x1AVX512,
	{tensor.F16, 1, 8}: floatF16x1x8AVX512, {tensor.F16, 4, 4}: floatF16x4x4AVX512, {tensor.F16, 8, 2}: floatF16x8x2AVX512,
	{tensor.F16, 1, 1}: floatF16x1x1AVX512, {tensor.F16, 4, 1}: floatF16x4x1AVX512, {tensor.F16, 8, 1}: floatF16x8x1AVX512,
	{tensor.F16, 12, 1}: floatF16x12x1AVX512, {tensor.F16, 16, 1}: floatF16x16x1AVX512,
	{tensor.BF16, 1, 8}: floatBF16x1x8AVX512, {tensor.BF16, 4, 4}: floatBF16x4x4AVX512, {tensor.BF16, 8, 2}: floatBF16x8x2AVX512,
	{tensor.BF16, 1, 1}: floatBF16x1x1AVX512, {tensor.BF16, 4, 1}: floatBF16x4x1AVX512, {tensor.BF16, 8, 1}: floatBF16x8x1AVX512,
	{tensor.BF16, 12, 1}: floatBF16x12x1AVX512, {tensor.BF16, 16, 1}: floatBF16x16x1AVX512,
	{tensor.F8E4M3, 1, 8}: floatF8x1x8AVX512, {tensor.F8E4M3, 4, 4}: floatF8x4x4AVX512, {tensor.F8E4M3, 8, 2}: floatF8x8x2AVX512,
	{tensor.F8E4M3, 1, 1}: floatF8x1x1AVX512, {tensor.F8E4M3, 4, 1}: floatF8x4x1AVX512, {tensor.F8E4M3, 8, 1}: floatF8x8x1AVX512,
	{tensor.F8E4M3, 12, 1}: floatF8x12x1AVX512, {tensor.F8E4M3, 16, 1}: floatF8x16x1AVX512,
	{tensor.MXFP4, 1, 8}: floatF4x1x8AVX512, {tensor.MXFP4, 4, 4}: floatF4x4x4AVX512, {tensor.MXFP4, 8, 2}: floatF4x8x2AVX512,
	{tensor.MXFP4, 1, 1}: floatF4x1x1AVX512, {tensor.MXFP4, 4, 1}: floatF4x4x1AVX512, {tensor.MXFP4, 8, 1}: floatF4x8x1AVX512,
	{tensor.MXFP4, 12, 1}: floatF4x12x1AVX512, {tensor.MXFP4, 16, 1}: floatF4x16x1AVX512,
	{tensor.IQ6_K, 1, 8}: floatIQ6x1x8AVX512, {tensor.IQ6_K, 4, 4}: floatIQ6x4x4AVX512, {tensor.IQ6_K, 8, 2}: floatIQ6x8x2AVX512,
	{tensor.IQ6_K, 1, 1}: floatIQ6x1x1AVX512, {tensor.IQ6_K, 4, 1}: floatIQ6x4x1AVX512, {tensor.IQ6_K, 8, 1}: floatIQ6x8x1AVX512,
	{tensor.IQ6_K, 12, 1}: floatIQ6x12x1AVX512, {tensor.IQ6_K, 16, 1}: floatIQ6x16x1AVX512,
}

// floatAVX2 has the routines for tiles of vectors, and for one with four row blocks at once.
var floatAVX2 = map[floatKey]func(*productArgs){
	{tensor.F32, 1, 4}: floatF32x1x4AVX2, {tensor.F32, 1, 1}: floatF32x1x1AVX2, {tensor.F32, 4, 1}: floatF32x4x1AVX2,
	{tensor.F32, 8, 1}: floatF32x8x1AVX2, {tensor.F32, 12, 1}: floatF32x12x1AVX2, {tensor.F32, 16, 1}: floatF32x16x1AVX2,
	{tensor.F16, 1, 4}: floatF16x1x4AVX2, {tensor.F16, 1, 1}: floatF16x1x1AVX2, {tensor.F16, 4, 1}: floatF16x4x1AVX2,
	{tensor.F16, 8, 1}: floatF16x8x1AVX2, {tensor.F16, 12, 1}: floatF16x12x1AVX2, {tensor.F16, 16, 1}: floatF16x16x1AVX2,
	{tensor.BF16, 1, 4}: floatBF16x1x4AVX2, {tensor.BF16, 1, 1}: floatBF16x1x1AVX2, {tensor.BF16, 4, 1}: floatBF16x4x1AVX2,
	{tensor.BF16, 8, 1}: floatBF16x8x1AVX2, {tensor.BF16, 12, 1}: floatBF16x12x1AVX2, {tensor.BF16, 16, 1}: floatBF16x16x1AVX2,
	{tensor.F8E4M3, 1, 4}: floatF8x1x4AVX2, {tensor.F8E4M3, 1, 1}: floatF8x1x1AVX2, {tensor.F8E4M3, 4, 1}: floatF8x4x1AVX2,
	{tensor.F8E4M3, 8, 1}: floatF8x8x1AVX2, {tensor.F8E4M3, 12, 1}: floatF8x12x1AVX2, {tensor.F8E4M3, 16, 1}: floatF8x16x1AVX2,
	{tensor.MXFP4, 1, 4}: floatF4x1x4AVX2, {tensor.MXFP4, 1, 1}: floatF4x1x1AVX2, {tensor.MXFP4, 4, 1}: floatF4x4x1AVX2,
	{tensor.MXFP4, 8, 1}: floatF4x8x1AVX2, {tensor.MXFP4, 12, 1}: floatF4x12x1AVX2, {tensor.MXFP4, 16, 1}: floatF4x16x1AVX2,
	{tensor.IQ6_K, 1, 4}: floatIQ6x1x4AVX2, {tensor.IQ6_K, 1, 1}: floatIQ6x1x1AVX2, {tensor.IQ6_K, 4, 1}: floatIQ6x4x1AVX2,
	{tensor.IQ6_K, 8, 1}: floatIQ6x8x1AVX2, {tensor.IQ6_K, 12, 1}: floatIQ6x12x1AVX2, {tensor.IQ6_K, 16, 1}: floatIQ6x16x1AVX2,
}

// expandLeast is the number of vectors from which on AVX2 writes row blocks as float32 first.
const expandLeast = 8

// expandRoutine returns the routine that writes a row block as float32, of a type whose decoding
// takes longer for each four vectors than that does once; nil: there is none, or the vectors are
// too few.
func expandRoutine(t tensor.DType, vectors int) func(*productArgs) {
	switch {
	case impl != AVX2 || vectors < expandLeast:
		return nil
	case t == tensor.F8E4M3:
		return floatExpandF8AVX2
	case t == tensor.IQ6_K:
		return floatExpandIQ6AVX2
	}
	return nil
}

// floatTables are floatAVX2 and floatAVX512 by type, width and the logarithm of the row
// blocks: products of small matrices would look a map up as long as they multiply.
var floatTables = [2]floatTable{newFloatTable(floatAVX2), newFloatTable(floatAVX512)}

type floatTable [len(floatTypes)][Tile/4 + 1][4]func(*productArgs)

// floatTypes are the types that have routines.
var floatTypes = [...]tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3, tensor.MXFP4, tensor.IQ6_K}

func newFloatTable(routines map[floatKey]func(*productArgs)) (t floatTable) {
	for key, f := range routines {
		t[floatIndex(key.t)][key.width/4][bits.Len(uint(key.blocks))-1] = f
	}
	return t
}

// floatIndex returns the place of a type of float weights in a table.
func floatIndex(t tensor.DType) int { return slices.Index(floatTypes[:], t) }

// floatRoutine returns the routine for a tile of so many vectors and how many row blocks
// it multiplies at once, at most blocks.
func floatRoutine(t tensor.DType, vectors, blocks int) (func(*productArgs), int) {
	list := &floatTables[width()][floatIndex(t)][vectors/4]
	for i := len(list) - 1; i > 0; i-- {
		if 1<<i <= blocks && list[i] != nil {
			return list[i], 1 << i
		}
	}
	return list[0], 1
}
