"""The looks of an HTML page: both grounds, any width; tables and drawings scroll by themselves."""

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1b1f; --dim: #5c5f66;
  --line: #d9dbe0; --band: #f5f6f8; --link: #0b57d0; --good: #137333; --bad: #b3261e;
  --doubt: #8a5a00 }
@media (prefers-color-scheme: dark) { :root { --ground: #161616; --ink: #e6e6e6; --dim: #a4a7ae;
  --line: #3a3c41; --band: #202125; --link: #8ab4f8; --good: #81c995; --bad: #f2b8b5;
  --doubt: #fdd663 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.25 }
h2 { margin: 3rem 0 0; padding-top: .75rem; border-top: 2px solid var(--line); font-size: 1.3rem }
h3 { margin: 0; font-size: 1.05rem }
a { color: var(--link) }
nav ul, ul.notes { margin: .5rem 0; padding-left: 1.25rem }
nav li { padding: .15rem 0 }
section { margin: 2rem 0; scroll-margin-top: 1rem }
.scroll { overflow-x: auto; margin: .5rem 0 }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
table { border-collapse: collapse; font-size: .9rem; overflow-wrap: normal }
caption { text-align: left; padding-bottom: .5rem }
caption h3 { position: sticky; left: 0; width: max-content; max-width: min(100%, 100vw - 2rem) }
th, td { padding: .35rem .75rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; min-width: 3rem; max-width: 26rem }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--line); max-width: 11rem }
thead small { color: var(--dim); font-weight: 400 }
tbody th { font-weight: 600 }
tbody tr:nth-child(even) > * { background: var(--band) }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
thead .n { white-space: normal }
.good { color: var(--good) } .bad, .failed { color: var(--bad) } .failed { font-weight: 600 }
.doubt { color: var(--doubt) }
ul.notes { color: var(--dim); font-size: .85rem; max-width: 62rem }
summary { cursor: pointer; padding: .35rem 0 }
.scroll > svg { display: block; min-width: 40rem; width: 100%; max-width: 960px; height: auto }
footer { margin-top: 3rem; color: var(--dim); font-size: .85rem }
@media print { .scroll { overflow: visible } nav { display: none } }
"""
