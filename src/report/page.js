// Draws the charts of the page: each script element with data-plot="ID" holds a Vega-Lite
// specification for the element ID. Colours come from the page's style sheet, and follow the
// reader's system from light to dark. Says how it went in the root element's data-charts: "7/7".
"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const text = { labelColor: colour("--soft"), titleColor: colour("--ink"), labelFontSize: 12.5,
                   titleFontSize: 12.5, titleFontWeight: 500 };
    return {
      background: null,
      font: getComputedStyle(document.body).fontFamily,
      view: { stroke: null },
      axis: { ...text, gridColor: colour("--grid"), domainColor: colour("--soft"), tickColor: colour("--soft"),
              labelLimit: 200, labelSeparation: 8 },
      legend: { ...text, symbolStrokeWidth: 2 },
      range: { category: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => colour(`--c${n}`)) },
      rule: { color: colour("--ink") },
      tick: { color: colour("--ink") },
    };
  }

  async function draw() {
    const specs = document.querySelectorAll("script[data-plot]");
    let drawn = 0;
    for (const element of specs) {
      const target = document.getElementById(element.dataset.plot);
      try {
        const spec = JSON.parse(element.textContent);
        delete spec.title;  // the page shows it as a heading
        // The interpreter (ast) needs no eval, which the page's policy forbids.
        await vegaEmbed(target, spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true,
                                        tooltip: { theme: dark.matches ? "dark" : "light" }, config: theme() });
        drawn += 1;
      } catch (error) {
        target.textContent = `This chart cannot be drawn (${error.message}); its numbers are in the table.`;
        console.error(error);
      }
    }
    document.documentElement.dataset.charts = `${drawn}/${specs.length}`;
  }

  dark.addEventListener("change", draw);
  draw();
})();
