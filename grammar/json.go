package grammar

import "sync"

// jsonValue is the name of the rule of any JSON value.
const jsonValue = "json-value"

// Bounds of what a model may write of JSON, so that one that repeats itself is led out.
const (
	jsonIndent = 64 // spaces or tabs behind a newline
	jsonDigits = 20 // before and behind the point
)

// JSON returns the grammar of any JSON object. It is made once, so that all who use it
// share what it finds out.
//
// White space is what writers of JSON put between its parts: one space, or a newline
// and up to 64 spaces or tabs. A number has at most 20 digits before and 20 behind its
// point, and 2 in its exponent; a string has no half of a surrogate pair.
func JSON() *Grammar { return jsonObject() }

var jsonObject = sync.OnceValue(func() *Grammar {
	r := &Rules{}
	r.Set("root", jsonMembers())
	setJSONValue(r)
	g, err := Compile(r, "root", nil)
	if err != nil {
		panic(err)
	}
	return g
})

// setJSONValue sets the rule of any JSON value.
func setJSONValue(r *Rules) {
	value, space := Ref(jsonValue), jsonSpace()
	elements := Seq(value, Repeat(Seq(space, Literal(","), space, value), 0, Unbounded), space)
	r.Set(jsonValue, Or(
		jsonString(), jsonNumber(), Literal("true"), Literal("false"), Literal("null"), jsonMembers(),
		Seq(Literal("["), space, Optional(elements), Literal("]")),
	))
}

// jsonMembers is an object of any members.
func jsonMembers() Expr {
	space := jsonSpace()
	member := Seq(jsonString(), space, Literal(":"), space, Ref(jsonValue))
	members := Seq(member, Repeat(Seq(space, Literal(","), space, member), 0, Unbounded), space)
	return Seq(Literal("{"), space, Optional(members), Literal("}"))
}

// jsonSpace is the white space between the parts of JSON.
func jsonSpace() Expr {
	indent := Repeat(Class(Range{' ', ' '}, Range{'\t', '\t'}), 0, jsonIndent)
	return Or(Expr{}, Literal(" "), Seq(Optional(Literal("\r")), Literal("\n"), indent))
}

// jsonString is any string, in quotes.
func jsonString() Expr {
	return Seq(Literal(`"`), Repeat(jsonCharacter(), 0, Unbounded), Literal(`"`))
}

// jsonCharacter is one character of a string, escaped or not.
func jsonCharacter() Expr {
	hex := Class(Range{'0', '9'}, Range{'a', 'f'}, Range{'A', 'F'})
	of := func(s string) Expr {
		var ranges []Range
		for _, c := range s {
			ranges = append(ranges, Range{c, c})
		}
		return Class(ranges...)
	}
	return Or(
		NotClass(Range{0, 0x1F}, Range{'"', '"'}, Range{'\\', '\\'}),
		Seq(Literal(`\`), of(`"\/bfnrt`)),
		Seq(Literal(`\u`), Or(
			Seq(of("0123456789abcefABCEF"), Repeat(hex, 3, 3)),
			Seq(of("dD"), of("01234567"), Repeat(hex, 2, 2)),
			Seq(of("dD"), of("89abAB"), Repeat(hex, 2, 2), Literal(`\u`), of("dD"), of("cdefCDEF"), Repeat(hex, 2, 2)),
		)),
	)
}

// jsonNumber is any number.
func jsonNumber() Expr {
	digit := Class(Range{'0', '9'})
	return Seq(
		Optional(Literal("-")),
		Or(Literal("0"), Seq(Class(Range{'1', '9'}), Repeat(digit, 0, jsonDigits-1))),
		Optional(Seq(Literal("."), Repeat(digit, 1, jsonDigits))),
		Optional(Seq(Class(Range{'e', 'e'}, Range{'E', 'E'}), Optional(Class(Range{'+', '+'}, Range{'-', '-'})), Repeat(digit, 1, 2))),
	)
}

// JSON returns the expression of any JSON object, whose rules it puts into r: see the
// function of that name.
func (r *Rules) JSON() Expr {
	if !r.Has(jsonValue) {
		setJSONValue(r)
	}
	return jsonMembers()
}
