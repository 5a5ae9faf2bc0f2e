package jinja_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/jinja"
)

func Example() {
	t, err := jinja.NewTemplate("{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}\n{% endfor %}")
	if err != nil {
		panic(err)
	}
	messages, err := jinja.ParseJSON([]byte(`[{"role": "user", "content": " Hi "}, {"role": "assistant", "content": "Hello!"}]`))
	if err != nil {
		panic(err)
	}
	variables := &jinja.Dict{}
	variables.Set("messages", messages)
	text, err := t.Render(context.Background(), variables)
	if err != nil {
		panic(err)
	}
	fmt.Print(text)
	// Output:
	// <user>Hi
	// <assistant>Hello!
}

func ExampleLimits() {
	t, err := jinja.NewTemplate("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}")
	if err != nil {
		panic(err)
	}
	t.Limits.Steps = 1000
	_, err = t.Render(context.Background(), nil)
	fmt.Println(err, errors.Is(err, jinja.ErrLimit))
	// Output: jinja: line 1: the template does too much work true
}

func ExampleValueOf() {
	v, err := jinja.ValueOf(map[string]any{"b": []int{1, 2}, "a": nil})
	if err != nil {
		panic(err)
	}
	text, err := v.Print()
	fmt.Println(text, err)
	// Output: {'a': None, 'b': [1, 2]} <nil>
}
