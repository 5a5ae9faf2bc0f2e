// Package document reads the text of a file that a person attached: of any kind of text as
// it is, and of PDF files. All else is refused, with a reason.
//
// A PDF is read by a child process (child.go) that runs this program again and may use
// so much memory, processor time and time, and no more: whatever is wrong with a file, or
// with what reads it, ends there. Where the system can, package sandbox confines it. Which program that is, and how it comes to Main, is the
// command's.
package document
