// Package experts keeps the experts of a model that is larger than the memory: a bounded
// number of them lie in slots of memory, the others are read from a file when a layer
// needs them, or before, when it is guessed that it will.
//
// A layer's turn is a Visit: it says which experts the layer needs, has those that are
// missing read, by many goroutines at once, and hands them out as they come, a run at a
// time, those first that are in memory. A slot that is handed out or being read stays what
// it is. Else the expert leaves that was needed least often of late, by visits of its
// layer, whose turns come round; among equals the one whose layer comes last.
//
// Nothing of this is seen in what is computed: which experts are in memory, and when they
// came, changes when a product is computed and not what it is.
package experts
