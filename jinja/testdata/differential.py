#!/usr/bin/env python3
"""Writes differential.json.gz beside it: small templates and what jinja2 makes of them.

    python3 -m venv /tmp/jinja && /tmp/jinja/bin/pip install jinja2==3.1.6
    /tmp/jinja/bin/python jinja/testdata/differential.py

The environment is that of Hugging Face transformers. A template that raises has null
for its text; one whose text holds an address in memory is left out, and so is one that
asks for something that package jinja refuses by name.
"""
import copy
import datetime
import gzip
import itertools
import json
import os
import random
import re

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

CONTEXT = {
    "n": None, "t": True, "f": False, "zero": 0, "one": 1, "seven": 7, "neg": -13, "big": 2**70, "nbig": -(3**50),
    "x": 2.5, "half": 0.5, "nx": -3.75, "e16": 1e16, "tiny": 1e-7, "third": 1 / 3,
    "s": "Hello, World", "e": "", "sp": "  two  words \n", "num": " 42 ", "flt": "3.14", "hex": "0x1F", "bad": "12a",
    "uni": "Éß ǆ İΣΑΣ ﬁ 中文 😊", "html": "<a href='x'>\"&amp;\"</a>", "lines": "one\ntwo\r\n\nthree\x0bfour", "quo": "it's \"so\" \\ \t\x01\u2028é",
    "csv": "a,b,,c,", "title": "they're bill's friends-of 2nd (kind)", "digits": "0123456789", "arab": "٣٤",
    "l": [3, 1, 2], "el": [], "ls": ["b", "A", "c", "a"], "mix": [1, "a", None, True, 2.5], "ll": [[1, 2], [3], []], "dup": ["a", "B", "A", "b", "a"],
    "d": {"b": 1, "A": 2, "c": 0}, "ed": {}, "nest": {"k": {"x": [1, {"y": "z"}]}, "items": 5, "get": 6},
    "people": [{"name": "Bo", "age": 30, "c": {"z": 1}}, {"name": "al", "age": 25, "c": {"z": 2}}, {"name": "Cy", "age": 30, "c": {"z": 0}}, {"name": "di", "age": 7}],
}
NAMES = list(CONTEXT)


def environment():
    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_call"), [], [], body).set_lineno(line)

        def _call(self, caller):
            return caller()

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda f: datetime.datetime(2026, 2, 3, 4, 5, 6, 78901).strftime(f)
    return env


# What package jinja refuses by name.
REFUSED = re.compile(
    r"\|\s*(filesizeformat|pprint|random|striptags|urlencode|urlize|wordwrap|xmlattr)\b|'(filesizeformat|pprint|random|striptags|urlencode|urlize|wordwrap|xmlattr)'"
    r"|\.(casefold|encode|expandtabs|format_map|maketrans|translate|as_integer_ratio|bit_count|bit_length|conjugate|from_bytes|to_bytes|fromhex|hex)\b"
    r"|\*\* (third|tiny|x|nx|e16)\b|\bis_integer\b|autoescape|lipsum")

FILTERS = {
    "abs": [""], "attr": ["('name')", "('upper')", "('zz')", "(1)"], "batch": ["(2)", "(2, 'x')", "(0)", "('a')"], "capitalize": [""], "center": ["", "(20)", "(7)", "(0)", "('a')"],
    "count": [""], "d": ["", "('dd')", "('dd', true)"], "default": ["", "('dd')", "('dd', true)", "(default_value=1, boolean=true)", "(boolean=true)"],
    "dictsort": ["", "(true)", "(false, 'value')", "(by='value', reverse=true)", "(by='z')"], "e": [""], "escape": [""], "first": [""], "float": ["", "(9.5)", "(default=none)"],
    "forceescape": [""], "format": ["", "(1)", "('a', 'b')", "(a=1)"], "groupby": ["('age')", "('name')", "('c.z', default=9)", "(0)", "('age', case_sensitive=true)"],
    "indent": ["", "(2)", "(2, true)", "(2, false, true)", "('> ', true, true)", "(width=1, first=true)"], "int": ["", "(7)", "(0, 16)", "(base=2)", "(default=none, base=0)", "(0, 1)"], "items": [""],
    "join": ["", "(', ')", "('-', 'name')", "('-', attribute='age')", "(1)", "(d=';')"], "last": [""], "length": [""], "list": [""], "lower": [""],
    "map": ["('upper')", "('length')", "(attribute='name')", "(attribute='c.z', default='?')", "('default', 'k')", "('int')", "('zz')", "()", "('round', 1)", "(attribute='name', zz=1)", "('replace', 'a', 'b')", "(attribute=0)"],
    "max": ["", "(true)", "(attribute='age')", "(case_sensitive=true)"], "min": ["", "(true)", "(attribute='age')"], "reject": ["", "('odd')", "('string')", "('in', [1, 'a'])", "('zz')"],
    "rejectattr": ["('c')", "('age', 'eq', 30)", "('name', 'lower')", "()"], "replace": ["('l', 'L')", "('o', '')", "('', '-')", "('a', 'b', 1)", "(1, 2)", "('l', 'L', count=1)", "('l')"], "reverse": [""],
    "round": ["", "(1)", "(2, 'floor')", "(0, 'ceil')", "(-1)", "(-2, 'ceil')", "(1, 'zz')", "(precision=2)", "(none)"], "safe": [""],
    "select": ["", "('odd')", "('string')", "('in', [1, 'a'])", "('gt', 1)", "('defined')"], "selectattr": ["('c')", "('age', 'eq', 30)", "('age', 'gt', 20)", "('c.z')", "('name', 'zz')", "('c', 'mapping')"],
    "slice": ["(2)", "(3, 'x')", "(0)", "(-1)", "('a')"], "sort": ["", "(true)", "(false, true)", "(attribute='age')", "(attribute='age,name')", "(case_sensitive=true)", "(reverse=true, attribute='name')", "(attribute='c.z')"], "string": [""],
    "sum": ["", "('age')", "(attribute='age', start=10)", "(start=0.5)", "(start='a')"], "title": [""],
    "tojson": ["", "(indent=2)", "(ensure_ascii=true)", "(sort_keys=true)", "(separators=(',', ':'))", "(indent='\t', sort_keys=true)", "(true, 1)", "(indent=0)"], "trim": ["", "('H')", "(' \n')", "(none)"],
    "truncate": ["", "(5)", "(5, true)", "(5, false, '…')", "(9, true, '', 0)", "(2)", "(length=4, killwords=true)", "(8, leeway=-1)"], "unique": ["", "(true)", "(attribute='age')", "(case_sensitive=true)"], "upper": [""], "wordcount": [""],
}
METHODS = {
    "capitalize": ["()", "(1)"], "center": ["(9)", "(20, '*')", "(20, 'ab')", "()", "('a')"], "count": ["('l')", "('')", "('o', 5)", "('l', -3, 99)", "(1)"], "endswith": ["('d')", "('World')", "(('x', 'd'))", "('o', 0, 5)", "(1)"],
    "find": ["('o')", "('o', 5)", "('z')", "('', 3)", "('o', -4, -1)", "('', 99)"], "format": ["()", "(1)"], "index": ["('o')", "('z')", "('l', 4)"], "isalnum": ["()"], "isalpha": ["()"], "isascii": ["()"], "isdecimal": ["()"], "isdigit": ["()"],
    "isidentifier": ["()"], "islower": ["()"], "isnumeric": ["()"], "isprintable": ["()"], "isspace": ["()"], "istitle": ["()"], "isupper": ["()"], "join": ["(['a', 'b'])", "('xyz')", "([])", "([1])", "(ls)"],
    "ljust": ["(15)", "(15, '.')", "(2)"], "lower": ["()"], "lstrip": ["()", "('He')", "(none)", "(1)"], "partition": ["('l')", "('zz')", "('')"], "removeprefix": ["('He')", "('z')"], "removesuffix": ["('ld')", "('z')"],
    "replace": ["('l', 'L')", "('l', 'L', 1)", "('', '.')", "('', '.', 2)", "('zz', '')", "('l', 1)"], "rfind": ["('o')", "('o', 0, 5)", "('z')"], "rindex": ["('o')", "('z')"], "rjust": ["(15)", "(15, '0')"], "rpartition": ["('l')", "('zz')"],
    "rsplit": ["()", "(',')", "(',', 1)", "(none, 1)", "(maxsplit=1)"], "rstrip": ["()", "('d')", "(' \n')"], "split": ["()", "(',')", "(',', 1)", "(none, 1)", "(' ')", "('')", "(sep=',', maxsplit=2)", "(1)"], "splitlines": ["()", "(true)", "(keepends=true)"],
    "startswith": ["('He')", "(('x', 'H'))", "('l', 2)", "('')", "()"], "strip": ["()", "('Hd')", "('')"], "swapcase": ["()"], "title": ["()"], "upper": ["()"], "zfill": ["(5)", "(20)", "(0)"],
}
OTHER_METHODS = ["d.get('b')", "d.get('zz')", "d.get('zz', 5)", "d.get(l)", "d.keys()|list", "d.values()|list", "d.items()|list", "d.items()", "d.keys()", "d.copy()", "d.pop('b')", "d.update({})", "d.fromkeys('ab')", "d.fromkeys('ab', 1)", "d.keys().isdisjoint(['b'])",
                 "d.items().isdisjoint([('z', 1)])", "d.values().isdisjoint([])", "d.keys().mapping", "l.index(2)", "l.index(9)", "l.count(1)", "l.index(1, 2)", "l.index(2, -1, 3)", "l.append(4)", "l.copy()", "l.sort()", "l.pop()", "l.reverse()", "(1, 2).index(2)", "(1, 2).count(2)",
                 "range(5).index(3)", "range(5).count(3)", "range(5).start", "range(5).stop", "range(5).step", "range(1, 9, 2)|list", "range(5)[1:3]", "range(5)[-1]", "range(9)[9]", "range(3)", "range(0, 10, 3)", "range(5, 0, -2)|list", "range(1, 1)|list", "range()", "range('a')", "range(1, 2, 0)", "range(200000)",
                 "nest.items", "nest.get", "nest['items']", "nest.k.x[1].y", "nest.zz", "nest.zz.y", "nest['k']['x'][0]", "d.A", "d['A']", "d[0]", "s.zz", "s[0]", "s[-1]", "s[99]", "s['upper']", "l[0]", "l[-1]", "l[5]", "l['a']", "n.x", "n['x']", "seven.real", "seven.imag", "seven.numerator", "seven.denominator", "x.real", "x.imag", "t.real",
                 "s.__class__", "s._x", "undefinedname", "undefinedname.x", "undefinedname()", "undefinedname + 1", "undefinedname ~ 'x'", "undefinedname == 1", "undefinedname|list", "undefinedname|length", "undefinedname is defined", "not undefinedname", "undefinedname.__x__",
                 "dict()", "dict(a=1)", "dict(d, z=1)", "dict([('a', 1), ('b', 2)])", "dict(1)", "dict([1])", "dict('ab')", "dict([(1, 2, 3)])", "dict(d, d)", "dict.fromkeys('ab', 0)", "namespace(a=1).a", "namespace({'a': 1}).a", "namespace()", "joiner()()", "joiner()", "cycler()", "cycler(1, 2).next()", "cycler(1, 2).current",
                 "raise_exception('no')", "raise_exception()", "lipsum", "strftime_now('%Y')", "strftime_now()", "strftime_now(1)", "range(3)|map('string')|join('+')", "callable", "loop", "self", "caller()", "true", "True", "none", "None", "false"]
TESTS = {"boolean": [""], "callable": [""], "defined": [""], "divisibleby": ["(2)", "(0)", "('a')"], "escaped": [""], "even": [""], "false": [""], "filter": [""], "float": [""], "in": ["([1, 'a', none])", "('Hello, World')", "(d)", "(1)"], "integer": [""],
         "iterable": [""], "lower": [""], "mapping": [""], "none": [""], "number": [""], "odd": [""], "sameas": ["(none)", "(true)", "(1)", "('')"], "sequence": [""], "string": [""], "test": [""], "true": [""], "undefined": [""], "upper": [""],
         "eq": ["(1)", "('a')"], "equalto": ["(7)"], "ne": ["(1)"], "lt": ["(2)"], "lessthan": ["('m')"], "le": ["(2)"], "gt": ["(2)"], "greaterthan": ["(2)"], "ge": ["(2)"]}
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or", "~"]
PRINTF = ["%s", "%r", "%a", "%d", "%5d|", "%-5d|", "%05d|", "%+d", "% d", "%x", "%#x", "%X", "%o", "%#o", "%e", "%.2e", "%f", "%.1f", "%g", "%#.3g", "%G", "%c", "%i", "%u", "%%", "%10s|", "%-10s|", "%.2s", "%10.3f|", "%*d", "%(a)s", "%z", "%", "%5%", "%ld", "%#.0f", "%.0f", "%E", "%+.3e", "%08.2f"]
FORMAT = ["{}", "{0}", "{0}{0}", "{:>10}|", "{:<10}|", "{:^10}|", "{:*^10}|", "{:=+8}|", "{:08}", "{:+}", "{: }", "{:-}", "{:,}", "{:_}", "{:_x}", "{:#x}", "{:#b}", "{:o}", "{:X}", "{:c}", "{:e}", "{:.2e}", "{:f}", "{:.1f}", "{:g}", "{:.3g}", "{:n}", "{:%}", "{:.1%}", "{:#.3g}", "{:z.0f}",
          "{:s}", "{:.3}", "{:10.2}|", "{!r}", "{!s:>9}", "{!a}", "{!z}", "{a}", "{0.real}", "{0[0]}", "{0[b]}", "{:{}}", "{:{}.{}}", "{", "}", "{{}}", "{0", "{:>}", "{:,x}", "{:,_}", "{:5c}|", "{:d}", "{:010,}", "{:+,.2f}", "{.upper}", "{0[}", "{0[]}", "{:.}", "{:=5}", "{:#}", "{:G}", "{:E}", "{:F}", "{:.0f}", "{:020.3f}", "{:^+12.1f}|", "{0.__class__}", "{1}", "{:1000000}"]
STRFTIME = list("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZf%") + ["-d", "_d", "0e", "^a", "#p", "10d", "-I", "^B", "_5j", "Ey", "Q", "", "#Z"]
STATEMENTS = r"""
{% if x %}a{% elif t %}b{% else %}c{% endif %}
{% if zero %}a{% elif f %}b{% else %}c{% endif %}
{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.cycle('a', 'b') }};{% endfor %}
{% for i in el %}x{% else %}empty{% endfor %}
{% for i in l if i > 1 %}{{ i }}{{ loop.length }}{% endfor %}
{% for i in l if i > 9 %}{{ i }}{% else %}none{% endfor %}
{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}
{% for a, b in ll %}{{ a }}{% endfor %}
{% for a in 5 %}{% endfor %}
{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}
{% for i in l %}{% if i == 1 %}{% break %}{% endif %}{{ i }}{% else %}e{% endfor %}
{% for i in l recursive %}{{ i }}{% if loop.depth < 3 %}({{ loop([i, i]) }}){% endif %}{% endfor %}
{% for p in people recursive %}{{ p.name }}{{ loop.depth0 }}{% endfor %}
{% for i in l %}{{ loop(l) }}{% endfor %}
{% for i in [1, 1, 2, 2, 1] %}{% if loop.changed(i) %}{{ i }}{% endif %}{% endfor %}
{% for i in l %}{% set x = i %}{% endfor %}{{ x }}
{% set ns = namespace(c=0) %}{% for i in l %}{% set ns.c = ns.c + i %}{% endfor %}{{ ns.c }}{{ ns.zz }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set a, b = l %}
{% set (a, b), c = (1, 2), 3 %}{{ a }}{{ b }}{{ c }}
{% set l.x = 1 %}
{% set q %}block {{ s }}{% endset %}{{ q }}{{ q|length }}
{% set q | upper %}block {{ s }}{% endset %}{{ q }}
{% filter upper %}abc {{ s }}{% endfilter %}
{% filter replace('a', 'b')|upper %}abc{% endfilter %}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}
{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z }}
{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(b=1, a=5) }} {{ m() }}
{% macro m(a) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, z=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, z=2) }}
{% macro m() %}{{ caller() }}|{{ caller(1) }}{% endmacro %}{% call m() %}x{% endcall %}
{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b=5) m() %}{{ a }}{{ b }}{% endcall %}
{% macro m() %}{{ caller }}{% endmacro %}{{ m() }}
{% macro m() %}x{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{{ m.defaults }}
{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}
{{ m(1) }}{% macro m(a) %}{{ a }}{% endmacro %}
{% block b %}B{{ s }}{% endblock %}{{ self.b() }}
{% block b scoped %}{{ x }}{% endblock %}
{% for i in l %}{% block c scoped %}{{ i }}{% endblock %}{% endfor %}
{% for i in l %}{% block c %}{{ i }}{% endblock %}{% endfor %}
{% set z = 3 %}{% block b %}{{ z }}{% endblock %}
{% block b %}{{ super() }}{% endblock %}
{% block b required %}{% endblock %}
{% block b %}{% endblock %}{% block b %}{% endblock %}
{% generation %}a{{ s }}{% endgeneration %}
{% raw %}{{ x }}{% if %}{% endraw %}
{# a comment {{ x }} #}after
{%- if t -%}  x  {%- endif -%}  y
   {% if t %}
  x
   {% endif %}
  z
{{- s -}}   x
a {%+ if t %} b {% endif +%}
c
{% print 1, 2 %}
{% do 1 %}
{% zz %}
{% if %}
{% endfor %}
{{ }}
{{ 1 + }}
{{ 'a }}
{% for %}{% endfor %}
{% include 'x' %}
{% extends 'x' %}
{% import 'x' as y %}
{% from 'x' import y %}
{{ caller() }}
{{ a.b.c.d }}
{{ 1 if t }}|{{ 1 if f }}|{{ 1 if f else 2 }}|{{ (1 if f).x }}
{{ 1 < 2 < 3 }}{{ 1 < 2 > 5 }}{{ 1 == 1.0 == true }}
{{ [1, 2,] }}{{ (1,) }}{{ () }}{{ {'a': 1,} }}{{ {} }}{{ (1) }}{{ 1, 2 }}
{{ 'a' 'b' }}{{ "a\n\t\x41\u00e9\101" }}{{ 'it\'s' }}{{ '\é\q' }}
{{ 1_000 }}{{ 0x1F }}{{ 0b101 }}{{ 0o17 }}{{ 1e3 }}{{ 1.5e-3 }}{{ 1_0.2_5 }}
{{ s[1:3] }}{{ s[::-1] }}{{ s[-3:] }}{{ s[:2] }}{{ s[::2] }}{{ s[5:1] }}{{ s[99:] }}{{ l[1:] }}{{ l[::-1] }}{{ (1, 2, 3)[1:] }}{{ uni[2:5] }}{{ uni[::-1] }}
{{ s[::0] }}
{{ s['a':] }}
{{ d['a':] }}
{{ not t or f and t }}{{ not (t and f) }}{{ t and s }}{{ f or e or 'x' }}
{{ -2 ** 2 }}{{ 2 ** -1 }}{{ 2 ** 3 ** 2 }}{{ -x }}{{ +neg }}{{ - 'a' }}
{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % -3 }}{{ -7 % 3 }}{{ 7.5 // 2 }}{{ -7.5 % 2 }}{{ 1 / 3 }}{{ 6 / 2 }}
{{ 1 / 0 }}
{{ 1 // 0 }}
{{ 1.0 % 0 }}
{{ x is defined }}{{ zz is not defined }}{{ x is number and s is string }}{{ 4 is divisibleby 2 }}{{ 3 is not even }}
{{ s is zz }}
{{ s|zz }}
{% if f %}{{ s|zz }}{% endif %}ok
{% if t %}{{ s|zz }}{% endif %}
{{ s.upper().lower() }}{{ s|upper|lower }}{{ 'a'.join(ls) }}
{{ dict(a=1, **d) }}{{ dict(*[[('k', 1)]]) }}
{{ range(*[1, 4])|list }}{{ dict(**1) }}
{{ '%s' % s }}{{ '%s %s' % (1, 2) }}{{ '%(b)s' % d }}{{ '%s' % (1, 2) }}
{{ '<'|safe + '>' }}{{ ('<'|e) ~ '>' }}{{ '<'|safe|e }}{{ '<'|e|e }}{{ '<'|e|forceescape }}{{ ('a'|safe) is escaped }}{{ ('<'|safe) * 2 }}{{ 'x' + ('<'|safe) }}
{{ ('<b>%s</b>'|safe) % '<' }}{{ ('{}'|safe).format('<') }}{{ ('-'|safe).join(['<', '>']) }}{{ ('a<'|safe).replace('a', '<') }}{{ ('<a'|safe).upper() }}{{ ('<a>'|safe)|length }}{{ ('a'|safe).center(5, '<') }}
{{ ['<'|safe, '<']|join('>') }}{{ ('<'|safe)|string is escaped }}{{ ('a b'|safe).split()[0] is escaped }}{{ ('<'|safe)[0] is escaped }}{{ ('<'|safe)|list }}{{ [('<'|safe)] }}{{ ('<'|safe)|tojson }}
{{ ns }}{{ namespace(a=[1]) }}{{ joiner }}{{ range }}{{ dict }}
{% set j = joiner('; ') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}{{ j.sep }}{{ j.used }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.pos }}{{ c.items }}{{ c.reset() }}{{ c.current }}
{% for i in range(3) %}{% for j in range(2) %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{% endfor %}
{% for c in 'héy' %}{{ c }}.{% endfor %}
{% for k in d %}{{ k }}{% endfor %}{% for x in undefinedname %}{% else %}E{% endfor %}
{% for g in people|groupby('age') %}{{ g.grouper }}:{{ g.list|map(attribute='name')|join(',') }} {{ g[0] }};{% endfor %}
{% for a, b in people|groupby('age') %}{{ a }}{{ b|length }}{% endfor %}{{ people|groupby('age')|length }}
{% for row in l|batch(2, '-') %}{{ row }}{% endfor %}{% for row in [1, 2, 3, 4, 5]|slice(3, 0) %}{{ row }}{% endfor %}
{{ people|selectattr('age', 'gt', 20)|map(attribute='name')|sort|join(' ') }}
{{ people|map(attribute='c')|list }}{{ people|map(attribute='zz')|list }}
{{ {1: 'a', 1.0: 'b', true: 'c'} }}{{ {(1, 2): 3}[(1, 2)] }}{{ {none: 1}[none] }}{{ {l: 1} }}
{{ d == {'A': 2, 'b': 1, 'c': 0} }}{{ l == [3, 1, 2] }}{{ (1, 2) == [1, 2] }}{{ 1 == '1' }}{{ d.keys() == d.keys() }}{{ range(3) == range(0, 3) }}{{ d.items() == d.items() }}
{{ [1, 2] < [1, 3] }}{{ (1, 2) <= (1,) }}{{ 'a' < 'b' }}{{ 1 < 1.5 }}{{ true < 2 }}
{{ 1 < 'a' }}
{{ n < 1 }}
{{ loop.index }}
{% for i in l %}{{ loop.zz }}{{ loop['index'] }}{% endfor %}
{% for i in l %}{% set _ = loop.index %}{{ _ }}{% endfor %}{% for loop in l %}{% endfor %}
{{ big + 1 }} {{ big * big }} {{ -big }} {{ big // 3 }} {{ big % 1000 }} {{ big / 3 }} {{ big == big + 0 }} {{ big > 1e20 }} {{ nbig|abs }} {{ big|round(-3) }} {{ big|float }} {{ big ** 2 }} {{ nbig // 7 }} {{ nbig % 7 }}
{{ 9223372036854775807 + 1 }}{{ -9223372036854775808 - 1 }}{{ 9223372036854775807 * 2 }}{{ 4611686018427387904 * 2 }}{{ -9223372036854775808 // -1 }}
{{ 10 ** 20 }}{{ 10.0 ** 400 }}
{{ 0.1 + 0.2 }}{{ 1e22 }}{{ 1e-5 }}{{ 123456789.123456789 }}{{ 5e-324 }}{{ 1.0 }}{{ -0.0 }}{{ 1e16 }}{{ 1e15 }}
{{ 2 ** 0.5 }}{{ 2.5 ** 2 }}{{ 4 ** 0.5 }}{{ 2 ** -2 }}{{ 0 ** 0 }}{{ (-8) ** 3 }}
{{ 2.5|round }}{{ 3.5|round }}{{ 2.675|round(2) }}{{ 1234.5|round(-2) }}{{ 15|round(-1) }}{{ 25|round(-1) }}
{{ range(3)|reverse|list }}{{ d|reverse|list }}{{ d.items()|reverse|list }}{{ d.keys()|reverse|list }}{{ (1, 2)|reverse|list }}{{ (l|map('string'))|reverse }}{{ undefinedname|reverse|list }}{{ (s|safe)|reverse }}{{ range(3)|last }}{{ d|last }}{{ 'é'|last }}
{{ 5|reverse }}
{{ n|reverse }}
{% for i in l %}{% for a, b in loop %}{{ a }}{{ b.index }}{% endfor %}{{ i }}{% endfor %}
{% for i in l|map('string') %}{{ loop.length }}{{ loop.last }}{{ loop.nextitem }}{{ loop.revindex }}{{ i }};{% endfor %}
{% for i in l %}{{ loop }}{{ loop.cycle() }}{% endfor %}
{% for i in l %}{{ loop.cycle(a=1) }}{% endfor %}
{% for i in l %}{{ loop.changed(a=1) }}{% endfor %}
{% for i in l recursive %}{{ loop() }}{% endfor %}
{{ cycler(a=1) }}
{% set c = cycler(1) %}{{ c.next(1) }}
{% set c = cycler(1) %}{{ c.zz }}
{{ joiner(1, 2) }}
{% set j = joiner() %}{{ j(1) }}
{% set j = joiner() %}{{ j.zz }}
{{ range(a=1) }}
{{ range(1, 2, 3, 4) }}
{{ range(0, 10**30) }}
{{ namespace(1) }}
{% set x.y = 1 %}
{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a + ns.b }}{{ ns.__class__ }}
{{ '\x4' }}
{{ '\u12' }}
{{ '\xzz' }}
{{ '\U00110000' }}
{{ '\N{DASH}' }}
{{ '\8' }}{{ '\0' }}{{ '\12' }}{{ "\'" }}
{%- raw -%} {{ x }} {%- endraw -%} y
{%+ raw +%} {{ x }} {%+ endraw +%} y
{% raw %}
{#- c -#} x {#+ c +#} y
{# open
{{ s }
{% if t
{{ ) }}
{{ (1 }}
{{ [1 }}
{{ {1 }}
{{ {'a' 1} }}
{{ s. }}
{{ s.1.2 }}{{ l.0 }}
{{ l.0.1 }}
{{ s[ }}
{{ s | }}
{{ s is }}
{{ s is not }}
{{ 1 = 2 }}
{{ not }}
{{ a b }}
{{ 5() }}
{{ s() }}
{{ s(*1) }}
{{ s(**1) }}
{{ dict(a=1, a=2) }}
{{ dict(**{1: 2}) }}
{{ dict(a=1, 2) }}
{{ dict(**d, **d) }}
{% macro m(a=1, b) %}{% endmacro %}
{% macro m(a, a) %}{% endmacro %}
{% macro 1() %}{% endmacro %}
{% macro m(caller) %}{{ caller() }}{% endmacro %}
{% macro m(caller=none) %}{{ caller }}{% endmacro %}{{ m() }}{{ m(caller=5) }}
{% macro m() %}{{ caller(1) }}{% endmacro %}{% call(a) m() %}{{ a }}{% endcall %}{% call m() %}{% endcall %}
{% call 5 %}{% endcall %}
{% call s.upper() %}{% endcall %}
{% macro m(a, b='x') %}{{ a }}{{ b }}{% endmacro %}{{ m('1', '2', '3') }}
{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(a=1, b=2) }}{{ m(**d) }}
{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m(*l) }}
{% macro outer() %}{% macro inner() %}{{ x }}{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}
{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}
{% if t %}{% set x = 5 %}{% endif %}{{ x }}{% if f %}{% set y = 5 %}{% endif %}{{ y is defined }}
{% if t %}{% set q %}{{ x }}{% endset %}{% else %}{% set q = 1 %}{% endif %}{{ q }}
{% with a = x %}{% with a = a + 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}{% endwith %}
{% with a = 1, %}{% endwith %}
{% filter zz %}{% endfilter %}
{% filter indent(2) %}a
{% break %}
{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}
{% for i in l %}{% for j in l %}{% if j == 1 %}{% continue %}{% endif %}{{ i }}{{ j }}{% endfor %}{% break %}{% endfor %}
{% for loop.x in l %}{% endfor %}
{% for 1 in l %}{% endfor %}
{% for (a, b), c in [[(1, 2), 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{% for i in [1, 2, 3] if i is odd and loop.index %}{{ i }}{% endfor %}
{% for i in range(5) if i % 2 %}{{ loop.index }}{{ i }}{% else %}no{% endfor %}
{% block a %}1{% block b %}2{% endblock %}{% endblock a %}{{ self.a() }}{{ self['b']() }}{{ self.zz }}
{% block a %}{{ self.zz() }}{% endblock %}
{% block a %}{{ loop }}{% endblock b %}
{% set x = 9 %}{% for i in l %}{% block a scoped %}{{ i }}{{ x }}{{ loop.index }}{% endblock %}{% endfor %}
{{ self }}{{ self.a.super }}
{% block a %}{{ super }}{% endblock %}{{ self.a.super }}
{{ [1, 2]|map('zz')|list }}{{ []|map('zz')|list }}
{{ []|select('zz')|list }}{{ []|map(1)|list }}{{ []|selectattr()|list }}
{{ [1]|map(1)|list }}
{{ ''|map('upper')|list }}{{ undefinedname|map('upper')|list }}{{ undefinedname|join }}{{ undefinedname|sum }}{{ undefinedname|sort }}{{ undefinedname|first }}
{{ 5|join }}
{{ l|join(1, 2, 3) }}
{{ 'a' is in 'abc' }}{{ 1 is in l }}{{ 1 in d.values() }}{{ 'A' in d.keys() }}{{ ('A', 2) in d.items() }}{{ 2 in range(3) }}{{ 'z' in undefinedname }}{{ 3 in (1, 2, 3) }}
{{ 1 in 's' }}
{{ 1 in 5 }}
{{ 1 in 2.5 }}
{{ [] in d }}
{{ d is sameas d }}{{ l == l }}{{ s.upper == s.upper }}{{ s.upper is sameas s.upper }}{{ dict == dict }}{{ n == n }}{{ undefinedname == zz }}{{ undefinedname in [zz] }}
{{ {big: 1}[big] }}{{ {2.0: 'x'}[2] }}{{ {2.5: 'x'}[2.5] }}{{ {(1, 'a', (2,)): 5}[(1, 'a', (2,))] }}{{ {range(3): 1}[range(3)] }}{{ {1e300: 1}[1e300] }}{{ {undefinedname: 1}|length }}{{ {true: 1, 1: 2, 'a': 3} }}
{{ {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7, 8: 8, 9: 9, (1,): 10, 'a': 11, 1.0: 12, none: 13} }}
{{ dict([[1, 2], [(3,), 4]], a=5) }}{{ dict(d.items()) }}{{ dict([])|length }}{{ dict(undefinedname) }}
{{ {d: 1} }}
{{ {d.keys(): 1} }}
{{ {(l,): 1} }}
{{ d[l] }}{{ d[(1, l)] }}
{{ (1, (2, 3)) < (1, (2, 4)) }}{{ [] < [1] }}{{ [[1], 2] >= [[1], 2] }}{{ (1, 2) > (1, 2, 0) }}
{{ (1, 2) < [1] }}
{{ d < d }}
{{ 1 < undefinedname }}
{{ 'a' * 3 }}{{ 3 * 'a' }}{{ 'a' * -1 }}{{ [1] * 2 }}{{ 2 * (1,) }}{{ 'ab' * true }}{{ [] * 5 }}{{ '' * 99999999 }}
{{ 'a' * 1.5 }}
{{ 'a' + 1 }}
{{ [1] + (2,) }}
{{ (1,) + (2,) }}{{ [1] + [2] }}{{ s + e }}
{{ 5 - 'a' }}
{{ 1 / 3.0 }}{{ true / 2 }}{{ 7 // 2.0 }}{{ -7 // 2.0 }}{{ 5 % -3.5 }}{{ 0.0 // -1 }}{{ big // 1.5 }}{{ big - 0.5 }}{{ 1e308 * 10 }}{{ -1e308 * 10 }}{{ 1e308 * 10 - 1e308 * 10 }}
{{ 2 ** -1074 }}{{ 0.0 ** 0 }}{{ 2.0 ** 10 }}{{ 1.0 ** 1e300 }}{{ 10 ** -2 }}{{ true ** 2 }}{{ (-1) ** 1001 }}{{ 0 ** 5 }}
{{ 0 ** -1 }}
{{ (-8.0) ** 0.5 is number }}
{{ 'é'.encode|string|length > 0 }}
{{ s|indent|trim }}{{ 'a\n\nb'|indent }}{{ 'a\n\nb'|indent(1, blank=true) }}{{ ''|indent(2, true) }}{{ 'a\n'|indent }}
{{ l|indent }}
{{ s|batch(2)|list }}{{ s|slice(3)|list }}{{ s|first }}{{ s|unique|join }}{{ s|sort|join }}{{ s|min }}{{ s|max }}
{{ mix|sort }}
{{ mix|min }}
{{ [[2, 1], [1, 2]]|sort }}{{ [(2, 'a'), (1, 'b')]|sort(attribute=1) }}{{ [[2, 1], [1, 2]]|max }}{{ ls|sort(true, true) }}{{ ls|max(true) }}{{ [1.5, 1, true]|sort }}
{{ people|sort(attribute='age,name', reverse=true)|map(attribute='name')|list }}{{ people|sort(attribute='zz')|length }}
{{ people|sum(attribute='age') }}{{ [0.1] * 3|sum }}
{{ [[1], [2]]|sum(start=[]) }}
{{ d|items|list }}{{ undefinedname|items|list }}
{{ l|items|list }}
{{ nest|attr('k') }}{{ nest|attr('items') is callable }}{{ s|attr('__class__') }}
{{ 5|length }}
{{ (l|map('string'))|length }}
{{ undefinedname|length }}{{ d.items()|length }}{{ range(7)|length }}{{ 'é中'|length }}
{{ '%c%c' % ('é', 65) }}{{ '%s' % [1] }}{{ '%s' % ((1,),) }}{{ '%(a)s%(b)d' % {'a': 'x', 'b': 2} }}{{ '%s' % undefinedname }}{{ '%5.1f|%-8s|%+05d' % (3.14159, 'ab', 42) }}{{ '%x' % 255 }}{{ '%*.*f' % (8, 2, 3.14159) }}{{ '%%' % () }}
{{ '%c' % 'ab' }}
{{ '%c' % 1114112 }}
{{ '%s' % () }}
{{ '%d' % '1' }}
{{ '%x' % 1.5 }}
{{ '%(a' % d }}
{{ '%(a)s' % l }}
{{ '%s%s' % 'a' }}
{{ 'a' % 1 }}
{{ 'a' % d }}{{ 'a' % l }}
{{ '%.3d|%#x|%#o|% d|%e|%G' % (5, 255, 8, 5, 12345.678, 1e-10) }}
{{ '{}{}'.format(1, 2) }}{{ '{0}{1}{0}'.format('a', 'b') }}{{ '{a}{b}'.format(a=1, b=2) }}{{ '{:>{w}}'.format('x', w=5) }}{{ '{0.name}'.format(ns) }}
{{ '{:d}'.format(1.5) }}
{{ '{:s}'.format(5) }}
{{ '{:,}'.format(1234567.891) }}{{ '{:_b}'.format(1000) }}{{ '{:+.1e}'.format(1234.5) }}{{ '{:<8}|{:^8}|{:>8}|'.format(true, 'é', 1.5) }}{{ '{:08.3f}'.format(-3.14159) }}{{ '{:#X}'.format(255) }}{{ '{:c}'.format(233) }}{{ '{:%}'.format(0.256) }}{{ '{:.0%}'.format(0.5) }}{{ '{:e}'.format(0) }}{{ '{:g}'.format(1e10) }}{{ '{:n}'.format(1234) }}{{ '{:x}'.format(-255) }}
{{ '{:.2s}|{:5s}|'.format('abc', 'ab') }}{{ '{!r:>8}|{!s}'.format('a', 'b') }}{{ '{{{}}}'.format(1) }}{{ '{:*<5}|{:0>5}|{:=+5}|'.format('a', 1, 2) }}
{{ '{:c}'.format(1114112) }}
{{ '{:+s}'.format('a') }}
{{ '{:#s}'.format('a') }}
{{ '{:=5}'.format('a') }}
{{ '{:,s}'.format('a') }}
{{ '{:5}'.format(l) }}
{{ '{:.2d}'.format(5) }}
{{ '{:q}'.format(5) }}
{{ '{:q}'.format(5.5) }}
{{ '{:+c}'.format(65) }}
{{ '{0!q}'.format(1) }}
{{ '{0!rr}'.format(1) }}
{{ '{0[b}'.format(d) }}
{{ '{0[b]x}'.format(d) }}
{{ '{0.}'.format(d) }}
{{ '{:{:{}}}'.format(1, 2, 3) }}
{{ 1|tojson(separators=(',',)) }}
{{ d|tojson(separators=1) }}
{{ [1, [2, {}], [], {'a': []}]|tojson(indent=2) }}{{ (1, 2)|tojson }}{{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}{{ '\u2028\x7f\x00é😊'|tojson(true) }}{{ '\u2028\x7f\x00é'|tojson }}{{ (1e308 * 10)|tojson }}{{ (-1e308 * 10)|tojson }}{{ big|tojson }}{{ 'a'|safe|tojson }}
{{ undefinedname|tojson }}
{{ {(1, 2): 3}|tojson }}
{{ {1: 1, 'a': 2}|tojson(sort_keys=true) }}
{{ range(3)|tojson }}
{{ d.keys()|tojson }}
{{ s.upper|tojson }}
{{ 'x'|int }}{{ 'x'|int(5) }}{{ '0b101'|int(base=0) }}{{ '0o17'|int(0, 8) }}{{ '1_000'|int }}{{ '__1'|int }}{{ '12.9'|int }}{{ '1e3'|int }}{{ 'inf'|int }}{{ 'nan'|float }}{{ '-inf'|float }}{{ '1_0.5'|float }}{{ '0x1p3'|float }}{{ 3.99|int }}{{ -3.99|int }}{{ true|int }}{{ none|int }}{{ none|float(1) }}{{ l|int }}{{ '٣'|int }}{{ ' 5 '|float }}{{ ''|int }}{{ '+5'|int }}{{ '-0'|int }}{{ '+-5'|int }}{{ 'zz'|int(0, 36) }}
{{ '1'|int(0, 99) }}
{{ 1.5|round(1, 'common') }}{{ 1.25|round(1) }}{{ 0.5|round }}{{ -1.5|round }}{{ 12345|round(-2) }}{{ 1e300|round(2) }}{{ (1e308 * 10)|round }}{{ 5.015|round(2) }}{{ 1.1|round(300) }}{{ 1.1|round(-309) }}{{ 5|round }}{{ true|round }}{{ 2.5|round(none) }}{{ 99.5|round(-2) }}{{ 9.99|round(1, 'floor') }}{{ 9.91|round(1, 'ceil') }}{{ -9.91|round(0, 'floor') }}
{{ 'a'|round }}
{{ 1.5|round('a') }}
{{ 1e308|round(-308) }}
""".strip("\n").split("\n")


def products():
    """Every filter, test and operator with every value: far too many."""
    for name, arguments in FILTERS.items():
        for a, v in itertools.product(arguments, NAMES):
            yield f"{v}|{name}{a}"
            yield f"({v}|{name}{a})|list"
    for name, arguments in TESTS.items():
        for a, v in itertools.product(arguments, NAMES + ["undefinedname", "('x'|safe)", "dict", "range(3)", "(1, 2)", "'upper'", "'eq'"]):
            yield f"{v} is {name}{a}"
    for op, a, b in itertools.product(OPERATORS, NAMES, NAMES):
        if op != "**" or b not in ("big", "nbig"):  # Python would not end
            yield f"{a} {op} {b}"
    for f, v in itertools.product(PRINTF, NAMES + ["(1, 2)", "('a', 3)", "{'a': 1}", "(5, 7)"]):
        yield f"{json.dumps(f)} % {v}"


def cases():
    """What is tried as a whole."""
    for name, arguments in METHODS.items():
        for a in arguments:
            for v in ["s", "e", "sp", "uni", "csv", "lines", "title", "digits", "arab", "html", "num", "seven"]:
                yield f"{v}.{name}{a}"
    yield from OTHER_METHODS
    for f, v in itertools.product(FORMAT, ["s", "seven", "neg", "x", "nx", "big", "t", "n", "l", "d", "e16", "third", "uni", "zero"]):
        yield f"{json.dumps(f)}.format({v})"
    for f in ["{:{}}", "{:{}.{}f}", "{} {}", "{1} {0}", "{a}-{b}", "{a[0]}{a[1]}", "{0} {}", "{a.zz}"]:
        yield f"{json.dumps(f)}.format(5.5, 9, 2, a=l, b=s)"
    for f in STRFTIME:
        yield f"strftime_now('%{f}')"


def main():
    env, rnd = environment(), random.Random(1)
    every = list(dict.fromkeys(cases())) + rnd.sample(list(dict.fromkeys(products())), 8000)
    templates = STATEMENTS + ["{{ " + e + " }}" for e in every]
    out, errors = [], []
    for source in templates:
        if REFUSED.search(source):
            continue
        try:
            text = env.from_string(source).render(**copy.deepcopy(CONTEXT))  # the filter indent adds to a list in place
        except Exception:
            errors.append(source)
            continue
        if not re.search(r"0x[0-9a-f]{6,}|object at|<function|<generator|\dj\)", text) and len(text) < 5000:
            out.append([source, text])
    keep = set(STATEMENTS) | set(rnd.sample(errors, min(len(errors), 2000)))
    out += [[e, None] for e in errors if e in keep]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "differential.json.gz")
    with open(path, "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write(json.dumps({"context": CONTEXT, "cases": out}, ensure_ascii=False).encode())
    print(len(out), "cases,", sum(w is None for _, w in out), "errors,", os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
