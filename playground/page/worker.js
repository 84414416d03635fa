// The engine in its own thread. Messages in: {id, call, ...}; out: {id, answer} or {id, error},
// {frame} while a network learns, {progress} while its lower layers do.
"use strict";

let engine = null;
let stopped = false;

async function unpack(base64) {
  const packed = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function ask(name, ...args) {
  const types = args.map((a) => typeof a);
  const answer = JSON.parse(engine.ccall("engine_" + name, "string", types, args));
  if (answer.error) throw new Error(answer.error);
  return answer;
}

function array(name, count, heap = "HEAPF32") {
  const at = engine.ccall("engine_" + name, "number", [], []) / 4;
  return engine[heap].slice(at, at + count);
}

let rows = 0;

const calls = {
  async open({ wasm }) {
    engine = await createEngine({
      wasmBinary: await unpack(wasm),
      onProgress: (step, steps) => {
        if (step % 10 === 0) postMessage({ progress: { step, steps } });
      },
    });
    engine.FS.mkdir("/data");
    return {};
  },

  async load({ files, request }) {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? await unpack(content) : content;
      engine.FS.writeFile("/data/" + name, bytes);
    }
    const answer = ask("load", JSON.stringify(request));
    rows = answer.rows;
    return answer;
  },

  // Learns in parts that take about a third of a second, so that the picture moves and the page can
  // stop it. Parts give the same bits as one training.
  async learn({ request }) {
    stopped = false;
    const { steps } = ask("start", JSON.stringify(request));
    let size = 1;
    for (;;) {
      const begin = performance.now();
      const answer = ask("advance", size);
      const filters = array("filters", answer.units * answer.filter.reduce((a, b) => a * b));
      postMessage({ frame: { ...answer, steps, filters, points: array("points", 2 * rows) } });
      if (answer.done || stopped) return { ...answer, steps, stopped: !answer.done };
      const took = performance.now() - begin;
      size = Math.max(1, Math.min(4 * size, Math.round((size * 300) / took)));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  },

  async stop() {
    stopped = true;
    return {};
  },

  async classify({ classes, labels }) {
    const at = engine._malloc(4 * labels.length);
    engine.HEAP32.set(labels, at / 4);
    try {
      const text = engine.ccall("engine_classify", "string", ["string", "number", "number"],
        [JSON.stringify({ classes }), at, labels.length]);
      const answer = JSON.parse(text);
      if (answer.error) throw new Error(answer.error);
      answer.predicted = array("predicted", rows, "HEAP32");
      answer.byInputs = array("predicted_by_inputs", rows, "HEAP32");
      return answer;
    } finally {
      engine._free(at);
    }
  },

  async row({ row }) {
    return ask("row", JSON.stringify({ row }));
  },

  async features({ width }) {
    return { features: array("features", rows * width) };
  },

  async save() {
    const files = {};
    for (const name of ask("save").files) files[name] = engine.FS.readFile("/out/" + name);
    return { files };
  },
};

onmessage = async ({ data }) => {
  try {
    postMessage({ id: data.id, answer: await calls[data.call](data) });
  } catch (error) {
    postMessage({ id: data.id, error: String(error.message || error) });
  }
};
