package puppet

// End is the token that ends a turn.
const End = "<|im_end|>"

// script is what the model says, token for token: pieces, and then a loop for ever. Every
// piece stands in one place only, for the model has no memory, but for bytes of "utf8".
type script struct {
	name   string
	pieces []string
	loop   []string
}

var scripts = []script{
	{name: "hello", pieces: []string{"Hello", ",", " world", "!"}},
	{name: "count", pieces: []string{"one", " two", " three", " four", " five", " six", " seven", " eight"}},
	{name: "think", pieces: []string{"<think>", "\nLet", " me", " see", ".\n", "</think>", "\n\n", "It", " is", " nine", "."}},
	{name: "stop", pieces: []string{"alpha", " beta", " ST", "OP", " gamma", " delta"}},
	{name: "json", pieces: []string{`{"`, "answer", `":`, ` "`, "yes", `"}`}},
	{name: "utf8", pieces: []string{"Gr", "\xc3", "\xbc", "\xc3\x9fe ", "\xf0\x9f", "\xa6\x9c", " \xe6\x97", "\xa5\xe6\x9c\xac", "\xe8\xaa\x9e"}},
	{name: "code", pieces: []string{"```", "python\n", "print", "(1 < 2", ` && "a"`, ")\n", "```\n"}},
	{name: "tool", pieces: []string{"<tool_", "call>\n", `{"name": "get_`, `weather", "argu`, `ments": {"city"`, `: "Par`, `is"}}`, "\n</tool_", "call>"}},
	{name: "tools", pieces: []string{
		"<to", "ol_call>\n", `{"name": "get_weather", "arguments": {"city": "Oslo"}}`, "\n</to", "ol_call>\n<to", "ol_call>",
		"\n" + `{"name": "get_time", "arguments": {"zone": "UTC"}}`, "\n</too", "l_call>",
	}},
	{name: "thinktool", pieces: []string{
		"<thi", "nk>\nI need", " the", " weather.\n</thi", "nk>\n\n<tool", "_call>\n", `{"name": "get_weather", `,
		`"arguments": {"city": "Rome"}}`, "\n</tool", "_call>",
	}},
	{name: "texttool", pieces: []string{"Let me look.", "\n<tool_c", "all>\n", `{"name": "get_weather", "arguments": `, `{"city": "Bern"}}`, "\n</tool_c", "all>"}},
	{name: "after", pieces: []string{"It is 18", " degrees", " in Paris", "!\n"}},
	{name: "ponder", pieces: []string{"<th", "ink>\nHm"}, loop: []string{" hum", " ho", " hey."}},
	{name: "loop", loop: []string{" la", " li", " lo"}},
	{name: "edit", pieces: []string{
		"greet.py\n", "```python\n<<<<<<< SEARCH\n", `print("old `, `greeting")` + "\n", "=======\n", `print("new `,
		`greeting")` + "\n>>>>>>> ", "REPLACE\n```\n",
	}},
	{name: "empty"},
}

// toolScripts call tools of an MCP server called fake; see package fakemcp.
var toolScripts = []script{
	{name: "mcp", pieces: []string{"<tool_ca", "ll>\n", `{"name": "fake__get_weather", `, `"arguments": {"city": "Kyiv"}}`, "\n</tool_ca", "ll>"}},
	{name: "hostilemcp", pieces: []string{"<tool_cal", "l>\n", `{"name": "fake__hostile", `, `"arguments": {}}`, "\n</tool_cal", "l>"}},
}

// Dice are the words of the script "dice", one of each line.
var Dice = [][]string{
	{" red", " green", " blue", " white", " black", " amber", " violet", " teal"},
	{" fox", " owl", " elk", " bee", " cat", " yak", " ant", " hen"},
	{" runs", " sleeps", " sings", " waits", " jumps", " hides", " swims", " reads"},
}

// ByByte are the bytes behind which the model says a script, or one token.
var ByByte = []struct{ Byte, Leads string }{{":", "count"}, {"~", "dice"}, {"^", "loop"}, {"@", "utf8"}, {"=", "4"}, {"%", "stop"}}

const template = `{%- macro text(c) -%}{%- if c is string -%}{{ c }}{%- elif c -%}{%- for p in c -%}{%- if p.type == 'text' -%}{{ p.text }}{%- endif -%}{%- endfor -%}{%- endif -%}{%- endmacro -%}
{%- if tools %}{{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}{{- text(messages[0].content) + '\n\n' }}{%- endif %}
    {{- '# Tools\n<tools>' }}{%- for tool in tools %}{{- '\n' + (tool | tojson) }}{%- endfor %}
    {{- '\n</tools>\nFor each call return <tool_call>\n{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call><|im_end|>\n' }}
{%- elif messages[0].role == 'system' %}{{- '<|im_start|>system\n' + text(messages[0].content) + '<|im_end|>\n' }}{%- endif %}
{%- set ns = namespace(ask='', last='') %}
{%- for message in messages %}
    {%- set ns.last = message.role %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {%- if message.role == 'user' %}{%- set ns.ask = text(message.content) %}{%- endif %}
        {{- '<|im_start|>' + message.role + '\n' + text(message.content) + '<|im_end|>\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant\n' }}
        {%- if message.reasoning_content %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- endif %}
        {{- text(message.content) }}
        {%- if message.tool_calls %}{%- for call in message.tool_calls %}{%- set f = call.function if call.function else call %}
            {{- '\n<tool_call>\n{"name": "' + f.name + '", "arguments": ' }}
            {%- if f.arguments is string %}{{- f.arguments }}{%- else %}{{- f.arguments | tojson }}{%- endif %}
            {{- '}\n</tool_call>' }}{%- endfor %}{%- endif %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\n<tool_response>\n' + text(message.content) + '\n</tool_response><|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- set off = enable_thinking is defined and enable_thinking is false %}
    {%- if off %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
    {%- set pick = namespace(name='hello') %}
    {%- for name in NAMES %}{%- if ('play ' + name) in ns.ask %}{%- set pick.name = name %}{%- endif %}{%- endfor %}
    {%- if ns.last == 'tool' %}{%- set pick.name = 'after' %}{%- endif %}
    {{- ('<|say:' if off else '<|do:') + pick.name + '|>' }}
{%- endif %}`
