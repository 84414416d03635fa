// The style sheet of the page: no font, image or colour from elsewhere; dark where the reader's
// system is dark; one column on a phone.
#pragma once

namespace metaplastic {

inline constexpr const char* kStyleSheet = R"css(
:root { color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1b1d21; --soft: #565c66; --rule: #dcdfe4; --grid: #e8eaed;
  --c1: #1d5fb8; --c2: #c2410c; --c3: #0b7a6f; --c4: #86198f; --c5: #92640a; --c6: #5b6472;
  --c7: #b4235a; --c8: #4d7c0f; --c9: #5145cd; --c10: #0e7490; --focus: #1d5fb8; }
@media (prefers-color-scheme: dark) { :root {
  --page: #15171a; --card: #1d2024; --ink: #e9eaec; --soft: #a5abb6; --rule: #373c44; --grid: #2b2f36;
  --c1: #7cb0ff; --c2: #ff9a66; --c3: #4fd0bf; --c4: #e29bf0; --c5: #e6bd5a; --c6: #a7b0be;
  --c7: #ff8fb4; --c8: #a9d65c; --c9: #b0a8ff; --c10: #6fd6ee; --focus: #9cc4ff; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; line-height: 1.3; margin: 0 0 .5rem; }
h3 { font-size: 1rem; line-height: 1.3; margin: 0 0 .5rem; }
p { max-width: 44rem; margin: 0 0 1rem; }
section { margin-top: 2.2rem; padding-top: 1.6rem; border-top: 1px solid var(--rule); }
main > section:first-of-type { margin-top: 1.2rem; border-top: 0; padding-top: 0; }
footer { margin-top: 2.5rem; padding-bottom: 3rem; color: var(--soft); font-size: .875rem; }
.path { color: var(--soft); overflow-wrap: anywhere; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .4rem .8rem; }
a { color: var(--c1); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin: .8rem 0 0; padding: 0; }
nav a { display: inline-block; padding: .25rem 0; }
.notice { background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--c5);
  padding: .7rem 1rem; margin: 1.2rem 0 0; max-width: 46rem; }
.notice p { margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: .8rem; margin: 0; }
.tiles > div { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .8rem 1rem; }
.tiles dt { color: var(--soft); font-size: .875rem; }
.tiles dd { margin: 0; }
.tiles span { display: block; overflow-wrap: anywhere; }
.value { font-size: 1.45rem; font-weight: 650; line-height: 1.35; font-variant-numeric: tabular-nums; }
.tiles .note { color: var(--soft); font-size: .875rem; line-height: 1.4; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem;
  align-items: start; margin-bottom: .8rem; }
figure, .beside { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: .5rem;
  padding: 1rem; min-width: 0; }
.plot { width: 100%; max-width: 40rem; min-height: 8rem; }
.filters img { display: block; width: 100%; max-width: 30rem; height: auto; image-rendering: pixelated; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; width: 100%; }
caption { text-align: left; font-weight: 650; padding: 0 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid var(--grid); }
thead th { color: var(--soft); font-weight: 500; border-bottom-color: var(--rule); vertical-align: bottom; }
tbody th { font-weight: 500; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td:not(.number) { min-width: 7rem; }
.with-text td { overflow-wrap: break-word; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
details { margin: 0 0 .25rem; }
summary { cursor: pointer; padding: .35rem 0; color: var(--c1); width: fit-content; }
details > .scroll { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .8rem 1rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0 0 1.2rem; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .7rem 1rem;
  margin: 0 0 1.2rem; overflow-x: auto; font-size: .875rem; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 36rem) { header, main, footer { padding-left: .9rem; padding-right: .9rem; }
  figure, .beside { padding: .8rem .7rem; } table { font-size: .75rem; } th, td { padding-right: .45rem; }
  td:not(.number) { min-width: 0; }
  table:has(th:nth-child(7)) th.number { writing-mode: vertical-rl; transform: rotate(180deg); padding: .2rem 0 0 .3rem; }
  table:has(th:nth-child(7)) td { padding-right: .2rem; }
  .beside .with-text tr { display: grid; grid-template-columns: 6rem 1fr 3.4rem 3rem;
    border-bottom: 1px solid var(--grid); }
  .beside .with-text th, .beside .with-text td { border-bottom: 0; }
  .beside .with-text td:not(.number),
  .beside .with-text th:not(.number):not(:first-child) { grid-column: 1 / -1; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .6rem; } .tiles { grid-template-columns: 1fr 1fr; gap: .6rem; }
  .tiles > div { padding: .65rem .75rem; } .value { font-size: 1.15rem; } }
@media print { body { background: #fff; } nav, .skip { display: none; } figure, .tiles > div { break-inside: avoid; } }
)css";

}  // namespace metaplastic
