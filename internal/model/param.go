package model

// Param says what a weight is: which numbers of which tensor it was bound to. A
// gradient, an optimiser's state, an adapter or a saved file finds its weight by it.
type Param struct {
	Tensor string // its name in the file; "": the model has no such weight
	// The tensor is seen as rows of Cols numbers, row-major, whatever its axes are: the
	// weight is Rows of them, from row First on. A vector is one row.
	First, Rows, Cols int
	Turned            bool // rows and columns changed places: the weight is [Cols, Rows]
}
