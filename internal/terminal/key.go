package terminal

// Code says what a key asks for.
type Code uint8

// The codes. Keys that ask for the same thing have the same code: Home and Ctrl-A.
const (
	Text          Code = iota // Key.Text was typed
	Paste                     // Key.Text was pasted
	Enter                     // the line is done
	Newline                   // a line break within the line
	Backspace                 // delete the character before
	Delete                    // delete the character behind
	Left                      // one character
	Right                     //
	WordLeft                  // one word
	WordRight                 //
	Up                        // a line up, or back in history
	Down                      //
	Previous                  // back in history
	Next                      //
	Home                      // to the line's beginning
	End                       //
	KillWordLeft              // delete a word and keep it
	KillWordRight             //
	KillLeft                  // delete to the line's beginning and keep it
	KillRight                 //
	Yank                      // insert what was deleted last
	Swap                      // the characters around the cursor
	Search                    // back through history
	Complete                  // Tab
	Escape                    // leave a search
	Interrupt                 // Ctrl-C
	DeleteOrEnd               // Ctrl-D: delete the character behind; in an empty line: end
	ClearScreen               //
	Suspend                   // Ctrl-Z
)

// Key is one key press, or a run of characters typed or pasted.
type Key struct {
	Code Code
	Text string
}
