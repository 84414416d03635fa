"""Formulas as MathML, made by KaTeX when the site is built: pages need no script and no font for them."""
import atexit
import json
import os
import subprocess

from docutils import nodes

SERVER = """
const katex = require("katex");
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { text, displayMode } = JSON.parse(line);
  let answer;
  try { answer = { html: katex.renderToString(text, { output: "mathml", displayMode, throwOnError: true }) }; }
  catch (error) { answer = { error: error.message }; }
  console.log(JSON.stringify(answer));
});
"""


class Katex:
    """One process of Node for all formulas."""

    def __init__(self):
        self.process = None

    def render(self, text, display):
        if self.process is None:
            environment = {**os.environ, "NODE_PATH": os.environ.get("NODE_PATH", "/usr/share/nodejs")}
            self.process = subprocess.Popen(["node", "-e", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True, env=environment)
            atexit.register(self.process.kill)
        self.process.stdin.write(json.dumps({"text": text, "displayMode": display}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise ValueError(f"{text!r}: {answer['error']}")
        return answer["html"]


KATEX = Katex()


def visit_inline(self, node):
    self.body.append(KATEX.render(node.astext(), False))
    raise nodes.SkipNode


def visit_block(self, node):
    self.body.append('<div class="math-block">' + KATEX.render(node.astext(), True) + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("katex_mathml", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "katex_mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": False}
