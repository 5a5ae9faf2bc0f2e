// Package dataset turns files of examples into batches to train on.
//
// Read gives the rows of files: JSON lines, Parquet, texts. An Encoder makes samples of
// them: token ids, and which of these the model is to learn. Pack lays samples into rows
// of one length, and a Batch is some of those rows. What could not be used on this way is
// counted and named, each row with its file, its line and the reason.
package dataset
