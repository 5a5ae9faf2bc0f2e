package chat
import ("testing";"os";"fmt";"time";"runtime";"strings";"runtime/debug")
func TestTmpHostile(t *testing.T){
 if os.Getenv("HOSTILE")=="" {t.Skip()}
 cases:=map[string]string{
 "loop":"{% for i in range(1000000) %}{% for j in range(1000000) %}{% set x = j %}{% endfor %}{% endfor %}",
 "loop2":"{% for i in range(100000) %}{% for j in range(100000) %}{% set x = j %}{% endfor %}{% endfor %}",
 "output":"{% for i in range(100000) %}{% for j in range(100000) %}xxxxxxxx{% endfor %}{% endfor %}",
 "range":"{{ range(1000000000000) | list | length }}", "repeat":"{{ 'x' * 100000000000 }}",
 "recursion":"{% macro f(x) %}{{ f(x + 1) }}{% endmacro %}{{ f(0) }}", "brackets":"{{ "+strings.Repeat("(",100000)+" }}",
 "doubling":"{% set ns = namespace(s='x') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
 "listdoubling":"{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s|length }}",
 "nestlist":"{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
 "nestjson":"{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}",
 "nesteq":"{% set ns = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
 "nesttuple":"{% set ns = namespace(s=(1,)) %}{% for i in range(60) %}{% set ns.s = (ns.s, ns.s) %}{% endfor %}{{ {ns.s: 1} }}",
 "deep":"{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}",
 "deepeq":"{% set ns = namespace(s=[],t=[]) %}{% for i in range(100000) %}{% set ns.s = [ns.s] %}{% set ns.t = [ns.t] %}{% endfor %}{{ ns.s == ns.t }}",
 "gens":"{% set ns = namespace(s='abc') %}{% for i in range(100000) %}{% set ns.s = ns.s|map('upper') %}{% endfor %}{{ ns.s|list }}",
 "keep":"{% set ns = namespace(s=[]) %}{% for i in range(100000) %}{% set ns.s = ns.s + ['x' * 100000 ~ i] %}{% endfor %}{{ ns.s|length }}",
 "keep2":"{% set ns = namespace(s=none) %}{% for i in range(100000) %}{% set ns.s = [ns.s, 'x' * 10000000 ~ i] %}{% endfor %}",
 "iterheld":strings.Repeat("{% for x in ['a' * 8000000 ~ n, 1] %}",60)+strings.Repeat("{% endfor %}",60),
 "macroheld":"{% macro f(n) %}{% if n %}{{ ['a' * 10000000 ~ n, f(n-1)] | length }}{% endif %}{% endmacro %}{{ f(150) }}",
 "buffers":strings.Repeat("{% set x %}{{ 'a' * 10000000 }}",80)+strings.Repeat("{% endset %}",80),
 "pow":"{{ 10 ** 10000000 }}","pow2":"{% set ns=namespace(x=3) %}{% for i in range(100) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
 "bigmul":"{% set x = 3 ** 40000 %}{% for i in range(100000) %}{% set y = x * x // x %}{% endfor %}",
 "bigstr":"{% set x = 3 ** 9000 %}{% for i in range(100000) %}{% set y = x ~ '' %}{% endfor %}",
 "bighash":"{% set x = 3 ** 40000 %}{% for i in range(100000) %}{% set y = {x: 1} %}{% endfor %}",
 "find":"{% set s = 'a' * 8000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s.find('aab') %}{% endfor %}",
 "count":"{% set s = 'a' * 8000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s.count('ab') %}{% endfor %}",
 "in":"{% set s = 'a' * 8000000 %}{% for i in range(100000) %}{% set y = 'b' in s %}{% endfor %}",
 "eq":"{% set s = 'a' * 8000000 ~ 'b' %}{% set t = 'a' * 8000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s == t %}{% endfor %}",
 "key":"{% set s = 'a' * 8000000 ~ 'b' %}{% set t = 'a' * 8000000 ~ 'b' %}{% set d = {s: 1} %}{% for i in range(100000) %}{% set y = d[t] %}{% endfor %}",
 "keymap":"{% set s = 'a' * 8000000 ~ 'b' %}{% set t = 'a' * 8000000 ~ 'b' %}{% set d = {s: 1,1:1,2:2,3:3,4:4,5:5,6:6,7:7,8:8,9:9} %}{% for i in range(100000) %}{% set y = d[t] %}{% endfor %}",
 "startswith":"{% set s = 'a' * 8000000 ~ 'b' %}{% set t = 'a' * 8000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s.startswith(t) %}{% endfor %}",
 "removeprefix":"{% set s = 'a' * 8000000 ~ 'b' %}{% set t = 'a' * 8000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s.removesuffix(t) %}{% endfor %}",
 "less":"{% set s = 'a' * 8000000 ~ 'b' %}{% set t = 'a' * 8000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s < t %}{% endfor %}",
 "index":"{% set s = 'é' * 4000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s[3999999] %}{% endfor %}",
 "index0":"{% set s = 'é' * 4000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s[0] %}{% endfor %}",
 "len":"{% set s = 'é' * 4000000 ~ 'b' %}{% for i in range(100000) %}{% set y = s|length %}{% endfor %}",
 "strip":"{% set s = ' ' * 8000000 %}{% for i in range(100000) %}{% set y = s.strip() %}{% endfor %}",
 "stripchars":"{% set c = 'bcdefghi' * 1000 ~ 'é' %}{% set s = 'é' * 4000000 %}{% for i in range(100000) %}{% set y = s.strip(c) %}{% endfor %}",
 "split":"{% set s = 'a ' * 4000000 %}{% for i in range(100000) %}{% set y = s.split() %}{% endfor %}",
 "splitsep":"{% set s = 'a,' * 4000000 %}{% for i in range(100000) %}{% set y = s.split(',') %}{% endfor %}",
 "rsplit":"{% set s = 'a,' * 400000 %}{% for i in range(100000) %}{% set y = s.rsplit(',') %}{% endfor %}",
 "lines":"{% set s = '\\n' * 4000000 %}{% for i in range(100000) %}{% set y = s.splitlines() %}{% endfor %}",
 "lines2":"{% set s = '\\x0b' * 4000000 %}{% for i in range(100000) %}{% set y = s.splitlines() %}{% endfor %}",
 "list":"{% set s = 'a' * 8000000 %}{{ s|list|length }}",
 "listloop":"{% set s = 'a' * 800000 %}{% for i in range(100000) %}{% set y = s|list %}{% endfor %}",
 "sort":"{% set s = ('ab' * 400000)|list %}{% for i in range(100000) %}{% set y = s|sort %}{% endfor %}",
 "wrap":"{% set s = 'a' * 8000000 %}{{ s|wordwrap(1)|length }}", "wrap2":"{% set s = 'a-' * 800000 %}{{ s|wordwrap(1)|length }}", "wrap3":"{% set s = '-' * 800000 %}{{ s|wordwrap(100000)|length }}",
 "wrap4":"{% set s = 'a--' * 800000 %}{% for i in range(1000) %}{% set y = s|wordwrap(3) %}{% endfor %}",
 "pprint":"{% set s = ['ab '*100] * 100000 %}{{ s|pprint|length }}","pprint2":"{{ ('a ' * 2000000)|pprint|length }}","pprint3":"{{ ('a\\n' * 2000000)|pprint|length }}",
 "pprintdeep":"{% set ns = namespace(s=[1]) %}{% for i in range(150) %}{% set ns.s = [ns.s, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'] %}{% endfor %}{{ ns.s|pprint|length }}",
 "pprintdag":"{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|pprint }}",
 "format":"{{ '%1000000000d' % 1 }}","format2":"{{ '%.1000000d' % 1 }}","format3":"{% for i in range(100000) %}{% set y = '%1000000d' % 1 %}{% endfor %}","format4":"{% for i in range(100000) %}{% set y = '%.1000000f' % 1.5 %}{% endfor %}","format5":"{% for i in range(100000) %}{% set y = '{:.1000000f}'.format(1.5) %}{% endfor %}","format6":"{% for i in range(100000) %}{% set y = '{:1000000,d}'.format(5) %}{% endfor %}",
 "format7":"{{ ('{:1000000}'*1000).format(*range(1000)) }}","format8":"{% for i in range(100000) %}{% set y = '%.1000000e' % 1.5 %}{% endfor %}",
 "strftime":"{{ strftime_now('%1000000d' * 100) }}","strftime2":"{{ strftime_now('%999999999d') }}",
 "center":"{{ 'a'.center(10000000000) }}","zfill":"{{ 'a'.zfill(10000000000) }}","expandtabs":"{{ ('\\t'*1000000).expandtabs(1000000) }}",
 "indent":"{{ ('a\\n' * 2000000)|indent(1000000) }}","jsonindent":"{{ [[[[[1]]]]]|tojson(indent=100000000) }}","jsonindent2":"{{ ([[1]] * 1000)|tojson(indent=500000) }}",
 "batch":"{{ [1]|batch(100000000000, 'x')|list }}","slice":"{{ [1]|slice(100000000000)|list }}",
 "join":"{{ ('x' * 10000).join('y' * 100000) }}","replace":"{{ ('x' * 100000).replace('x', 'y' * 1000000) }}","replace2":"{{ ('x' * 1000000)|replace('', 'y' * 10) }}",
 "translate":"{{ ('x' * 1000000).translate({120: 'y' * 1000000}) }}","maketrans":"{{ 'x'.maketrans('ab' * 1000000, 'cd' * 1000000)|length }}",
 "urlencode":"{{ ('é' * 4000000)|urlencode }}","escape":"{{ ('<' * 4000000)|e }}","upper":"{{ ('ΐ' * 4000000)|upper|length }}",
 "title":"{% set s = 'Σ' * 4000000 %}{{ s|lower|length }}","sigma":"{% set s = ('Σ' ~ \"'\" * 1000) * 4000 %}{{ s|lower|length }}",
 "sum":"{{ ([[1] * 1000] * 10000)|sum(start=[])|length }}","unique":"{{ range(100000)|list|unique|list|length }}",
 "groupby":"{{ (range(100000)|list)|groupby(none)|length }}","dictsort":"{{ dict.fromkeys(range(100000))|dictsort|length }}",
 "stars":"{{ dict(**dict.fromkeys(('abcdefghijklmnopqrstuvwxyz' * 10)|list)) }}","starsbig":"{% set d = dict.fromkeys(range(20000)|map('string')|list) %}{{ dict(**d)|length }}","star":"{{ range(*range(100000)) }}",
 "manyargs":"{% macro f() %}{{ varargs|length }}{{ kwargs|length }}{% endmacro %}{% set d = dict.fromkeys(range(3000)|map('string')|list) %}{% for i in range(10000) %}{% set y = f(**d) %}{% endfor %}",
 "recloop":"{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}","recblock":"{% block a %}{{ self.a() }}{% endblock %}","selfns":"{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}","nsjson":"{% set ns = namespace() %}{% set ns.x = [ns] %}{{ ns.x }}",
 "nots":"{{ "+strings.Repeat("not ",100000)+"1 }}","minus":"{{ "+strings.Repeat("-",100000)+"1 }}","plus":"{{ 1"+strings.Repeat("+1",100000)+" }}","tilde":"{{ 1"+strings.Repeat("~1",100000)+" }}","and":"{{ 1"+strings.Repeat(" and 1",100000)+" }}","dots":"{{ x"+strings.Repeat(".x",100000)+" }}","filters":"{{ x"+strings.Repeat("|e",100000)+" }}","ifs":strings.Repeat("{% if 1 %}",100000),"elifs":"{% if 0 %}"+strings.Repeat("{% elif 0 %}",80000)+"{% endif %}","fors":strings.Repeat("{% for x in y %}",60000),"conds":"{{ "+strings.Repeat("1 if 1 else ",80000)+"1 }}","lists":"{{ "+strings.Repeat("[",100000)+" }}","dicts":"{{ "+strings.Repeat("{1:",100000)+" }}","subs":"{{ "+strings.Repeat("x[",100000)+" }}","calls":"{{ "+strings.Repeat("x(",100000)+" }}","compare":"{{ 1"+strings.Repeat("<1",100000)+" }}","targets":"{% for "+strings.Repeat("(",100000)+" }}","settuple":"{% set "+strings.Repeat("(",100000)+" }}",
 "manyifs":strings.Repeat("{% if a %}{% set a = 1 %}{% endif %}",25000),
 "manynames": func() string { var b strings.Builder; for i:=0;i<30000;i++ { fmt.Fprintf(&b,"{%% if a%d %%}{%% set b%d=1 %%}{%% endif %%}",i,i)}; return b.String()}(),
 "manyfors": func() string { var b strings.Builder; for i:=0;i<20000;i++ { fmt.Fprintf(&b,"{%% for a%d in b%d %%}{{ c%d }}{%% endfor %%}",i,i,i)}; return b.String()}(),
 "nestedscoped": func() string { var b strings.Builder; for i:=0;i<90;i++ { fmt.Fprintf(&b,"{%% for a%d in [1] %%}",i)}; b.WriteString(strings.Repeat("{{ a0 }}",100000)); b.WriteString(strings.Repeat("{% endfor %}",90)); return b.String()}(),
 "scopedblocks": func() string { var b strings.Builder; for i:=0;i<9000;i++ { fmt.Fprintf(&b,"{%% set a%d = 1 %%}{%% block b%d scoped %%}x{%% endblock %%}",i,i)}; return b.String()}(),
 "manyblocks": func() string { var b strings.Builder; for i:=0;i<20000;i++ { fmt.Fprintf(&b,"{%% block b%d %%}x{%% endblock %%}",i)}; return b.String()}(),
 "manyparams": "{% macro f("+func() string { var b strings.Builder; for i:=0;i<50000;i++ { fmt.Fprintf(&b,"a%d,",i)}; return b.String()}()+"z) %}{% endmacro %}",
 "manykw": "{{ f("+func() string { var b strings.Builder; for i:=0;i<50000;i++ { fmt.Fprintf(&b,"a%d=1,",i)}; return b.String()}()+"z=1) }}",
 "bigtext":strings.Repeat("x",1<<20),"braces":strings.Repeat("{",1<<20),"bracespct":strings.Repeat("{%",1<<19),"raws":strings.Repeat("{% raw %}",100000),"spaces":"{%"+strings.Repeat(" ",1<<19)+"raw","minusws":strings.Repeat(" \n",1<<18)+"{%- if x %}"+strings.Repeat(" \n",1<<17),"endraw":"{% raw %}"+strings.Repeat("{% ",300000),"endraw2":"{% raw %}{%"+strings.Repeat(" ",900000),"quotes":"{{ '"+strings.Repeat("\\'",400000)+" }}",
 "callers":"{% macro f() %}{{ caller() }}{% endmacro %}"+strings.Repeat("{% call f() %}",90)+"x"+strings.Repeat("{% endcall %}",90),
 "fibmacro":"{% macro f(n) %}{% if n > 1 %}{{ f(n-1) }}{{ f(n-2) }}{% endif %}{% endmacro %}{{ f(100) }}",
 "cycle":"{% set ns = namespace(n=0) %}{% for i in range(100000) %}{% for j in range(100000) %}{{ loop.cycle('a','b') }}{% endfor %}{% endfor %}",
 "nsloop":"{% set ns = namespace() %}{% for i in range(100000) %}{% set ns.x = dict.fromkeys(range(1000)) %}{% endfor %}",
 "garbage":"{% for i in range(100000) %}{% set y = 'x' * 1000000 %}{% endfor %}",
 "lastgen":"{% for i in range(100000)|map('string') %}{{ loop.length }}{% endfor %}",
 "bigjson":"{{ ([[1,2,3]] * 100000)|tojson|length }}","bigrepr":"{{ ([[1,2,3]] * 1000000)|string|length }}",
 "xmlattr":"{{ dict.fromkeys(range(100000)|map('string')|list,'<' * 100)|xmlattr|length }}",
 "striptags":"{% set s = '<' * 4000000 %}{% for i in range(1000) %}{% set y = s|striptags %}{% endfor %}","striptags2":"{% set s = '<a' * 2000000 %}{{ s|striptags|length }}","striptags3":"{% set s = '<!--' * 2000000 %}{{ s|striptags|length }}",
 "truncate":"{% set s = 'é ' * 4000000 %}{% for i in range(1000) %}{% set y = s|truncate(4000000) %}{% endfor %}",
 "isx":"{% set s = 'a' * 8000000 %}{% for i in range(100000) %}{% set y = s.isalpha() %}{% endfor %}","attrpath":"{% set p = '.a' * 1000000 %}{% set y = [{}]|map(attribute=p)|list %}","attrpath2":"{% set p = 'a,' * 1000000 %}{% set y = [{}]|sort(attribute=p) %}",
 "int":"{% set s = '1' * 8000000 %}{{ s|int }}","float":"{% set s = '1' * 8000000 %}{{ s|float }}","int2":"{% set s = '1' * 60000 %}{{ s|int(0, 16) }}","mathfl":"{% for i in range(100000) %}{% for j in range(1000) %}{% set y = 1.0000001 ** 1024 %}{% endfor %}{% endfor %}",
 "round":"{% for i in range(100000) %}{% for j in range(1000) %}{% set y = 1e300|round(-300) %}{% set z = 1e-300|round(320) %}{% endfor %}{% endfor %}","cmpbig":"{% for i in range(100000) %}{% for j in range(1000) %}{% set y = 1e308 < 10 ** 300 %}{% endfor %}{% endfor %}","fdiv":"{% set x = 3 ** 40000 %}{% set z = 7 ** 20000 %}{% for i in range(100000) %}{% set y = x / z %}{% endfor %}","dictmiss":"{% set d = {(1,(2,)):1} %}{% for i in range(100000) %}{% set y = d[(1,(2,))] %}{% endfor %}",
 "wordcount":"{% set s = 'a ' * 4000000 %}{% for i in range(1000) %}{% set y = s|wordcount %}{% endfor %}",
 "strconcat":"{% set ns = namespace(s='') %}{% for i in range(100000) %}{% set ns.s = ns.s ~ 'abcdefghij' %}{% endfor %}{{ ns.s|length }}",
 "unescape":"{{ ('&amp;' * 2000000)|striptags|length }}", "revstr":"{% set s = 'é' * 4000000 %}{% for i in range(100) %}{% set y = s[::-1] %}{% endfor %}",
 "selfmod":"{% set ns = namespace(g=[1]) %}{% set ns.g = ns.g|map(attribute='x') %}{% set ns.g = ns.g|select %}{{ ns.g|list }}",
 "fmtrec":"{{ '{:{:{}}}'.format(1,2,3) }}","fmtattr":"{{ ('{0' ~ '.a' * 1000000 ~ '}').format({}) }}","fmtidx":"{{ ('{0' ~ '[a]' * 1000000 ~ '}').format({}) }}","fmtkey":"{{ ('%(' ~ '(' * 1000000 ~ ')s') % {} }}","fmtmany":"{{ ('{' * 1000000).format() }}","fmtmany2":"{{ ('{}' * 100000).format(*range(100000)) }}",
 }
 names:=[]string{}
 only:=os.Getenv("ONLY")
 for k:=range cases { if only==""||only==k {names=append(names,k)} }; _=0
 for _,k:=range names {
  debug.FreeOSMemory()
  var peak uint64
  stop:=make(chan bool); done:=make(chan bool)
  go func(){ tk:=time.NewTicker(5*time.Millisecond); for { select { case <-stop: close(done); return; case <-tk.C: var m runtime.MemStats; runtime.ReadMemStats(&m); if v:=m.HeapInuse+m.StackInuse; v>peak {peak=v} } } }()
  fmt.Fprintln(os.Stderr,"start",k); t0:=time.Now()
  tm,err:=NewTemplate(cases[k])
  c:=time.Since(t0)
  out:=""
  if err==nil { out,err=tm.Render(nil) }
  d:=time.Since(t0)
  close(stop); <-done
  es:="ok"; if err!=nil {es=err.Error(); if len(es)>70{es=es[:70]}}
  flag:=" "; if d>1500*time.Millisecond||peak>600<<20 {flag="!!"}
  fmt.Printf("%-14s %s compile %6dms total %6dms peak %4dMiB out %d %s\n",k,flag,c.Milliseconds(),d.Milliseconds(),peak>>20,len(out),es)
 }
}
