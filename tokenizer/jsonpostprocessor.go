package tokenizer

import "fmt"

// maxAround is the most ids that are put around each text; real files have a few.
const maxAround = 1024

// setTemplate reads what a post-processor puts around a text.
func (t *Tokenizer) setTemplate(c *component) error {
	list, err := flatten(c, func(c *component) []component { return c.Processors }, 0)
	if err != nil {
		return fmt.Errorf("post_processor: %w", err)
	}
	for _, c := range list {
		switch c.Type {
		case "ByteLevel": // only trims offsets
		case "TemplateProcessing":
			err = t.readTemplate(c)
		case "BertProcessing", "RobertaProcessing":
			if c.Cls == nil || c.Sep == nil {
				return fmt.Errorf("post_processor %s: %w: want cls and sep", c.Type, ErrDamaged)
			}
			t.surround([]int32{c.Cls.id}, []int32{c.Sep.id})
		default:
			err = ErrUnsupported
		}
		if err != nil {
			return fmt.Errorf("post_processor %s: %w", c.Type, err)
		}
	}
	if n := len(t.prefix) + len(t.suffix); n > maxAround {
		return fmt.Errorf("post_processor: %w: %d ids around each text, want at most %d", ErrUnsupported, n, maxAround)
	}
	for _, id := range append(t.prefix[:len(t.prefix):len(t.prefix)], t.suffix...) {
		if id < 0 || int(id) >= len(t.kinds) {
			return fmt.Errorf("post_processor: %w: %w: %d, want 0 to %d", ErrDamaged, ErrID, id, len(t.kinds)-1)
		}
	}
	return nil
}

// readTemplate reads the template for a single text.
func (t *Tokenizer) readTemplate(c *component) error {
	var prefix, suffix []int32
	text := false
	for _, item := range c.Single {
		switch {
		case item.Sequence != nil && !text:
			text = true
		case item.SpecialToken == nil:
			return fmt.Errorf("single: %w", ErrUnsupported)
		default:
			token, ok := c.SpecialTokens[item.SpecialToken.ID]
			if !ok {
				return fmt.Errorf("%w: single names %.40q, which special_tokens lacks", ErrDamaged, item.SpecialToken.ID)
			}
			if n := len(prefix) + len(suffix) + len(token.IDs); n > maxAround {
				return fmt.Errorf("single: %w: %d ids and more around each text, want at most %d", ErrUnsupported, n, maxAround)
			}
			if text {
				suffix = append(suffix, token.IDs...)
			} else {
				prefix = append(prefix, token.IDs...)
			}
		}
	}
	if !text {
		return fmt.Errorf("%w: single has no sequence", ErrDamaged)
	}
	t.surround(prefix, suffix)
	return nil
}

// surround puts ids around what stands around a text already.
func (t *Tokenizer) surround(prefix, suffix []int32) {
	t.prefix = append(prefix, t.prefix...)
	t.suffix = append(t.suffix, suffix...)
}
