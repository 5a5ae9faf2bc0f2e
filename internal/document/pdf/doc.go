// Package pdf reads the text of PDF files (ISO 32000-1), and nothing else of them.
//
// A file is hostile: every loop, depth and size is bounded, what is damaged is mended where
// other readers do (a table of objects that is wrong is made anew), and an object that cannot
// be read is null, as the standard says of objects that are missing. Text comes in the order
// in which a page draws it; where letters stand tells words, lines and paragraphs apart.
package pdf
