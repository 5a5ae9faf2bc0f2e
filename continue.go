package blitz

import (
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/chat"
)

// continued cuts the text of a conversation behind what its last message says, so that
// the model goes on with it: without the end of its turn. Templates take the blanks from
// the ends, so they are no part of it.
func continued(text string, messages []chat.Message) (string, error) {
	said, ok := messages[len(messages)-1].Content.Text()
	if !ok {
		return "", fmt.Errorf("blitz: Continue, and the content of the last message is no text: %w", ErrOption)
	}
	said = strings.TrimSpace(said)
	at := strings.LastIndex(text, said)
	if said == "" || at < 0 {
		return "", fmt.Errorf("blitz: Continue, and the template does not show the last message as it is: %w", ErrOption)
	}
	return text[:at+len(said)], nil
}
