package history

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/internal/database"
)

// Presets returns the presets of a tenant by their names.
func (s *Store) Presets(ctx context.Context, tenant string) ([]Preset, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, parameters FROM chat_presets c WHERE `+ofTenant+` ORDER BY name`, tenant)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	list := []Preset{}
	for rows.Next() {
		var p Preset
		var text string
		if err := rows.Scan(&p.Name, &text); err != nil {
			return nil, s.wrap(err)
		}
		if err := json.Unmarshal([]byte(text), &p.Parameters); err != nil {
			return nil, s.wrap(fmt.Errorf("%w: preset: %w", database.ErrDamaged, err))
		}
		list = append(list, p)
	}
	return list, s.wrap(rows.Err())
}

// SetPreset keeps parameters under a name, in the place of what was there. The error wraps
// ErrValue or ErrConflict, or is one of the file.
func (s *Store) SetPreset(ctx context.Context, tenant string, p Preset) error {
	p.Name = strings.TrimSpace(p.Name)
	if err := checkTitle("name", p.Name, maxName); err != nil {
		return err
	}
	if p.Name == "" {
		return refuse("name", "some text")
	}
	if err := p.Parameters.check("parameters"); err != nil {
		return err
	}
	text, err := p.Parameters.text()
	if err != nil {
		return err
	}
	return s.update(ctx, tenant, func(c *change) error {
		c.said = append(c.said, Change{Presets: true})
		err := c.exec(`INSERT INTO chat_presets (tenant, name, parameters) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET parameters = excluded.parameters`, c.tenant, p.Name, text)
		if err != nil {
			return err
		}
		var there int
		if err := c.row(`SELECT count(*) FROM chat_presets WHERE tenant = ?`, c.tenant).Scan(&there); err != nil {
			return err
		}
		if there > maxPresets {
			return conflict("there are %d presets, which is the most", maxPresets)
		}
		return nil
	})
}

// DeletePreset forgets a preset. One that is not there is no error.
func (s *Store) DeletePreset(ctx context.Context, tenant, name string) error {
	return s.update(ctx, tenant, func(c *change) error {
		c.said = append(c.said, Change{Presets: true})
		return c.exec(`DELETE FROM chat_presets WHERE tenant = ? AND name = ?`, c.tenant, name)
	})
}
